//! Addresses and numbers of second factors are shown in part.

use serde_json::Value;

/// Digits of a number that stay readable.
const LAST_DIGITS: usize = 4;

pub(super) fn masked(method: &Value) -> Value {
    let mut method = method.clone();
    if let Some(email) = method["email"].as_str() {
        method["email"] = masked_email(email).into();
    }
    if let Some(number) = method["phone_number"].as_str() {
        method["phone_number"] = masked_number(number).into();
    }
    method
}

/// `chuck@example.com` becomes `chuc****@exam*******`: up to four characters of each half, none of a short first one.
fn masked_email(email: &str) -> String {
    let (local, domain) = email.split_once('@').unwrap_or((email, ""));
    let start: String =
        if local.chars().count() > 4 { local.chars().take(4).collect() } else { String::new() };
    let domain_start: String = domain.chars().take(4).collect();
    format!("{start}****@{domain_start}*******")
}

/// Everything but the last four digits.
fn masked_number(number: &str) -> String {
    let hidden = number.chars().count().saturating_sub(LAST_DIGITS);
    let shown = number.chars().enumerate();
    shown.map(|(position, character)| if position < hidden { 'X' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_numbers_are_shown_in_part() {
        for (email, shown) in [
            ("chuck334@example.com", "chuc****@exam*******"),
            ("foo@example.com", "****@exam*******"),
        ] {
            assert_eq!(masked_email(email), shown);
        }
        assert_eq!(masked_number("+44207022435044"), "XXXXXXXXXXX5044");
    }
}
