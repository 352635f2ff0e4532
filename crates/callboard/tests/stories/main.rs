//! The stories, told to real processes: tenant, stand-ins and autopilot as `callboard` runs them.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on says where")]

mod a_crash_repeats_nothing;
mod a_definition_is_checked;
mod a_definition_is_tried;
mod a_lead_approves;
mod a_login_fails_again_and_again;
mod a_new_hire_has_an_identity;
mod an_admin_acts_on_a_user;
mod bad_input_changes_nothing;
mod interposer;
mod somebody_has_only_a_folder;
mod somebody_tends_the_clock;
mod the_tenant_has_a_bad_day;
mod theatre;
