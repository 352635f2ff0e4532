//! The named formats of the schemas, Auth0's own included.
//!
//! Auth0 publishes only the names. What a checker refuses is therefore kept to what the name and recorded values make certain;
//! a format without checker (none at present, a test says) would refuse nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

type Checker = fn(&str) -> bool;

/// Whether the text is of the format.
pub(super) fn accepts(format: &str, text: &str) -> bool {
    checker(format).is_none_or(|accepts| accepts(text))
}

fn checker(format: &str) -> Option<Checker> {
    Some(match format {
        "email" => email,
        "email-or-empty" => |text| text.is_empty() || email(text),
        "date-time" => date_time,
        "date" => date,
        "ipv4" => |text| text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => |text| text.parse::<Ipv6Addr>().is_ok(),
        "cidr" | "ipv6_cidr" => cidr,
        "hostname" | "hostname-rfc2181" => hostname,
        "uuid" => uuid,
        "hexadecimal" => |text| all(text, |c| c.is_ascii_hexdigit()),
        "html-color" | "html-color-or-null" | "forms-hex-color" => color,
        "uri" | "strict-uri" => absolute_uri,
        "callback-url" => |text| absolute_uri(&filled(text)),
        "url" | "url-or-null" => web_url,
        "url-with-placeholders" => |text| absolute_uri(&filled(text)),
        "strict-https-uri" | "strict-https-uri-or-null" | "forms-url-https" => https_url,
        "absolute-uri-or-empty" => |text| text.is_empty() || absolute_uri(text),
        "absolute-https-uri-or-empty" => |text| text.is_empty() || https_url(text),
        "absolute-https-uri-with-placeholders-or-empty" => {
            |text| text.is_empty() || https_url(&filled(text))
        }
        "ec-initiate-login-uri-template-url" => |text| https_url(&filled(text)),
        other => return identifier(other),
    })
}

fn identifier(format: &str) -> Option<Checker> {
    Some(match format {
        "user-id" => user_id,
        "user-id-with-max-length" => |text| user_id(text) && text.chars().count() <= 255,
        "organization-name" => organization_name,
        "connection-realm" => connection_name,
        "connection-id" => |text| prefixed(text, "con_", 16),
        "organization-id" => |text| prefixed(text, "org_", 16),
        "role-id" => |text| prefixed(text, "rol_", 16),
        "client-grant-id" => |text| prefixed(text, "cgr_", 16),
        "user-invitation-id" => |text| prefixed(text, "uinv_", 16),
        "log-stream-id" => |text| prefixed(text, "lst_", 16),
        "event-stream-id" => |text| text.strip_prefix("est_").is_some_and(alphanumeric),
        "event-id" => |text| text.strip_prefix("evt_").is_some_and(alphanumeric),
        "credential-id" => |text| text.strip_prefix("cred_").is_some_and(alphanumeric),
        "ticket-id" => alphanumeric,
        "forms-custom-identifier" => {
            |text| all(text, |c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        }
        "client-id"
        | "session-id"
        | "authenticator-id"
        | "user-attribute-profile-id"
        | "connection-profile-id"
        | "organization-discovery-domain-id"
        | "rate-limit-policy-id"
        | "token-exchange-profile-id"
        | "flows-vault-connections-id"
        | "flow-id"
        | "form-id"
        | "flow-execution-id"
        | "forms-file-extension" => |text| all(text, |c| !c.is_whitespace()),
        "acr" | "non-empty-string" | "forms-expression" => |text| !text.is_empty(),
        _ => return None,
    })
}

fn all(text: &str, allowed: fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(allowed)
}

fn alphanumeric(text: &str) -> bool {
    all(text, |c| c.is_ascii_alphanumeric())
}

fn prefixed(text: &str, prefix: &str, length: usize) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| rest.len() == length && alphanumeric(rest))
}

fn user_id(text: &str) -> bool {
    text.split_once('|')
        .is_some_and(|(strategy, id)| all(strategy, |c| !c.is_whitespace()) && !id.is_empty())
}

fn organization_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.chars().all(allowed)
        && !text.starts_with("org_")
}

fn connection_name(text: &str) -> bool {
    alphanumeric(text.get(..1).unwrap_or_default())
        && all(text, |c| c.is_ascii_alphanumeric() || c == '-')
        && !text.ends_with('-')
        && !text.contains("--")
}

/// The addresses that mail systems deliver to in practice: no quoted local part, a domain with a dot.
fn email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_character =
        |c: char| c.is_ascii_alphanumeric() || !c.is_ascii() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
    !local.is_empty()
        && local.len() <= 64
        && text.len() <= 254
        && local.chars().all(local_character)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && domain.contains('.')
        && domain.split('.').all(label)
        && domain.rsplit('.').next().is_some_and(|top| {
            top.chars().count() >= 2 && !top.starts_with(|c: char| c.is_ascii_digit())
        })
}

fn label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || !c.is_ascii())
}

fn hostname(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|part| label(part.trim_matches('_')) || part == "*")
}

fn cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return text.parse::<IpAddr>().is_ok();
    };
    let Ok(length) = length.parse::<u8>() else { return false };
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => length <= 32,
        Ok(IpAddr::V6(_)) => length <= 128,
        Err(_) => false,
    }
}

fn uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| all(part, |c| c.is_ascii_hexdigit()))
}

fn color(text: &str) -> bool {
    match text.strip_prefix('#') {
        Some(digits) => {
            matches!(digits.len(), 3 | 4 | 6 | 8) && all(digits, |c| c.is_ascii_hexdigit())
        }
        None => all(text, |c| c.is_ascii_alphabetic()),
    }
}

/// A scheme, a colon and something without blanks.
fn absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
        && !rest.is_empty()
        && !rest.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"\\".contains(c))
        && (!matches!(scheme, "http" | "https") || authority(rest).is_some())
}

fn web_url(text: &str) -> bool {
    absolute_uri(text) && (text.starts_with("https://") || text.starts_with("http://"))
}

fn https_url(text: &str) -> bool {
    absolute_uri(text) && text.starts_with("https://")
}

fn authority(rest: &str) -> Option<&str> {
    rest.strip_prefix("//")?.split(['/', '?', '#']).next().filter(|host| !host.is_empty())
}

/// The text with every `{placeholder}` replaced by a letter.
fn filled(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, tail)) = after.split_once('}') else { break };
        result.push_str(before);
        result.push('x');
        rest = tail;
    }
    result.push_str(rest);
    result
}

fn number(text: &str, digits: usize, range: std::ops::RangeInclusive<u32>) -> bool {
    text.len() == digits
        && all(text, |c| c.is_ascii_digit())
        && text.parse().is_ok_and(|number| range.contains(&number))
}

fn date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let days = match (month.parse(), year.parse::<u32>()) {
        (Ok(2), Ok(year)) if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        (Ok(2), _) => 28,
        (Ok(4 | 6 | 9 | 11), _) => 30,
        _ => 31,
    };
    number(year, 4, 0..=9999) && number(month, 2, 1..=12) && number(day, 2, 1..=days)
}

/// RFC 3339, section 5.6.
fn date_time(text: &str) -> bool {
    let Some((day, rest)) = text.split_once(['T', 't']) else { return false };
    let Some(at) = rest.find(['Z', 'z', '+', '-']) else { return false };
    let (clock, zone) = rest.split_at(at);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let parts: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = parts.as_slice() else { return false };
    date(day)
        && number(hour, 2, 0..=23)
        && number(minute, 2, 0..=59)
        && number(second, 2, 0..=60)
        && all(fraction, |c| c.is_ascii_digit())
        && offset(zone)
}

fn offset(zone: &str) -> bool {
    if matches!(zone, "Z" | "z") {
        return true;
    }
    let signed = zone.strip_prefix(['+', '-']).and_then(|zone| zone.split_once(':'));
    signed.is_some_and(|(hour, minute)| number(hour, 2, 0..=23) && number(minute, 2, 0..=59))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_accept_what_auth0_uses_and_refuse_what_it_refuses() {
        for (format, text, valid) in [
            ("email", "ann@example.com", true),
            ("email", "a.b+c@sub.example.co", true),
            ("email", "", false),
            ("email", "ann@example", false),
            ("email", "ann.@example.com", false),
            ("email", "a b@example.com", false),
            ("email-or-empty", "", true),
            ("date-time", "2023-01-25T19:00:26.187Z", true),
            ("date-time", "2024-02-29T23:59:60+02:00", true),
            ("date-time", "2023-02-29T00:00:00Z", false),
            ("date-time", "2023-01-25 19:00:26Z", false),
            ("date", "2026-11-24", true),
            ("date", "2026-11-31", false),
            ("cidr", "10.0.0.0/8", true),
            ("cidr", "10.0.0.0/33", false),
            ("ipv6_cidr", "2001:db8::/32", true),
            ("hostname", "login.example.com", true),
            ("hostname", "login..example.com", false),
            ("uuid", "910b1053-577f-4d81-a8c8-020e7319a38a", true),
            ("uuid", "910b1053-577f-4d81-a8c8", false),
            ("callback-url", "com.example.app://callback", true),
            ("callback-url", "https://*.example.com/cb", true),
            ("callback-url", "https://{organization_name}.example.com/cb", true),
            ("callback-url", "callback", false),
            ("absolute-uri-or-empty", "", true),
            ("absolute-uri-or-empty", "relative/path", false),
            ("strict-https-uri", "http://example.com", false),
            ("strict-https-uri", "https://", false),
            ("url", "ftp://example.com", false),
            ("user-id", "auth0|507f1f77bcf86cd799439020", true),
            ("user-id", "507f1f77bcf86cd799439020", false),
            ("connection-id", "con_ftSSLHb0O7rcUGmF", true),
            ("connection-id", "con_ftSSLHb0O7rcUGm", false),
            ("organization-name", "acme-1_x", true),
            ("organization-name", "Acme", false),
            ("organization-name", "org_acme", false),
            ("connection-realm", "Username-Password-Authentication", true),
            ("connection-realm", "a--b", false),
            ("html-color", "#0f0", true),
            ("html-color", "#0f", false),
            ("nobody-knows-it", "anything", true),
        ] {
            assert_eq!(accepts(format, text), valid, "{format}: {text:?}");
        }
    }

    #[test]
    fn every_format_of_the_contract_has_a_checker() {
        let mut unknown = Vec::new();
        crate::contract().each_keyword(&mut |keyword, argument| {
            if let ("format", Some(format)) = (keyword, argument.as_str())
                && checker(format).is_none()
            {
                unknown.push(format.to_owned());
            }
        });
        assert_eq!(unknown, Vec::<String>::new());
    }
}
