//! Multi-factor authentication: which factors are on, through whom messages go, and tickets to enrol.

mod enrollments;
mod factors;
mod legacy_providers;

use serde_json::{Value, json};

use super::generic::{
    Singleton,
    singleton::Verb::{Patch, Put, Read},
    singleton_behaviours,
};
use crate::pipeline::Table;

static POLICIES: Singleton = Singleton {
    routes: &[
        (Read, "get_policies", ""),
        (Put, "put_policies", "Set the Multi-factor Authentication policies"),
    ],
    ..Singleton::new("guardian_policies", |_, _| json!([]))
};

/// Reached below `sms` as well as below `phone`.
static PHONE_PROVIDER: Singleton = Singleton {
    routes: &[
        (Read, "get_guardian_phone_providers", ""),
        (Put, "put_phone_providers", "Update phone provider configuration"),
        (Read, "get_sms_providers", ""),
        (Put, "put_sms_providers", "Update SMS provider configuration"),
    ],
    ..Singleton::new("guardian_phone_provider", |_, _| json!({"provider": "auth0"}))
};

static TWILIO: Singleton = Singleton {
    routes: &[
        (Read, "get_phone_twilio_factor_provider", ""),
        (Put, "put_twilio", "Update Twilio configuration"),
        (Read, "get_sms_twilio_factor_provider", ""),
        (Put, "put_sms_twilio_factor_provider", "Update Twilio SMS configuration"),
    ],
    ..Singleton::new("guardian_twilio", |_, _| json!({}))
};

static PHONE_TEMPLATES: Singleton = Singleton {
    routes: &[
        (Read, "get_factor_phone_templates", ""),
        (Put, "put_factor_phone_templates", "Update enrollment and verification phone templates"),
        (Read, "get_factor_sms_templates", ""),
        (Put, "put_factor_sms_templates", "Update SMS enrollment and verification templates"),
    ],
    ..Singleton::new("guardian_phone_templates", |_, _| {
        json!({
            "enrollment_message": "{{code}} is your verification code for {{tenant.friendly_name}}. Please enter this code to verify your enrollment.",
            "verification_message": "{{code}} is your verification code for {{tenant.friendly_name}}",
        })
    })
};

static MESSAGE_TYPES: Singleton = Singleton {
    routes: &[
        (Read, "get_message-types", ""),
        (Put, "put_message-types", "Update the enabled phone message types"),
    ],
    ..Singleton::new("guardian_message_types", |_, _| json!({"message_types": []}))
};

static PUSH_PROVIDER: Singleton = Singleton {
    routes: &[
        (Read, "get_pn_providers", ""),
        (Put, "put_pn_providers", "Update push notification provider configuration"),
    ],
    ..Singleton::new("guardian_push_provider", |_, _| json!({"provider": "guardian"}))
};

static SNS: Singleton = Singleton {
    routes: &[
        (Read, "get_sns", ""),
        (Put, "put_sns", "Configure AWS SNS push notifications"),
        (Patch, "patch_sns", "Update AWS SNS configuration"),
    ],
    ..Singleton::new("guardian_sns", |_, _| json!({}))
};

static APNS: Singleton = Singleton {
    hidden: &["p12"],
    echo: true,
    arrange: |_, apns| {
        apns.insert("enabled".into(), Value::Bool(true));
    },
    routes: &[
        (Read, "get_apns", ""),
        (Put, "put_apns", "Configure APNS push notifications"),
        (Patch, "patch_apns", "Update APNS configuration"),
    ],
    ..Singleton::new("guardian_apns", |_, _| json!({"sandbox": false, "enabled": false}))
};

static FCM: Singleton = Singleton {
    hidden: &["server_key"],
    routes: &[
        (Put, "put_fcm", "Configure FCM push notifications"),
        (Patch, "patch_fcm", "Update FCM configuration"),
    ],
    ..Singleton::new("guardian_fcm", |_, _| json!({}))
};

static FCM_V1: Singleton = Singleton {
    hidden: &["server_credentials"],
    routes: &[
        (Put, "put_fcmv1", "Configure FCMv1 push notifications"),
        (Patch, "patch_fcmv1", "Update FCMv1 configuration"),
    ],
    ..Singleton::new("guardian_fcm_v1", |_, _| json!({}))
};

static DUO: Singleton = Singleton {
    routes: &[
        (Read, "get_factor_duo_settings", ""),
        (Put, "put_factor_duo_settings", "Set the DUO Configuration"),
        (Patch, "patch_factor_duo_settings", "Update the DUO Configuration"),
    ],
    ..Singleton::new("guardian_duo", |_, _| json!({}))
};

static ROAMING_KEYS: Singleton = Singleton {
    routes: &[
        (Read, "get_webauthn_roaming_settings", ""),
        (Patch, "put_webauthn_roaming_settings", "Update WebAuthn roaming settings"),
    ],
    ..Singleton::new(
        "guardian_webauthn_roaming",
        |_, _| json!({"overrideRelyingParty": false, "userVerification": "discouraged"}),
    )
};

static PLATFORM_KEYS: Singleton = Singleton {
    routes: &[
        (Read, "get_webauthn_platform_settings", ""),
        (Patch, "put_webauthn_platform_settings", "Update WebAuthn platform settings"),
    ],
    ..Singleton::new("guardian_webauthn_platform", |_, _| json!({"overrideRelyingParty": false}))
};

pub(super) fn behaviours(table: &mut Table) {
    for singleton in [
        &POLICIES,
        &PHONE_PROVIDER,
        &TWILIO,
        &PHONE_TEMPLATES,
        &MESSAGE_TYPES,
        &PUSH_PROVIDER,
        &SNS,
        &APNS,
        &FCM,
        &FCM_V1,
        &DUO,
        &ROAMING_KEYS,
        &PLATFORM_KEYS,
    ] {
        singleton_behaviours(table, singleton);
    }
    factors::behaviours(table);
    enrollments::behaviours(table);
    legacy_providers::behaviours(table);
}
