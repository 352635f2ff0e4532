//! Attack protection and what belongs to it: settings that the tenant keeps, with the values that a new tenant has.

use serde_json::json;

use super::generic::{
    Change, Singleton,
    singleton::Verb::{Patch, Read},
    singleton_behaviours,
};
use crate::pipeline::Table;

static BRUTE_FORCE: Singleton = Singleton {
    routes: &[
        (Read, "get_brute-force-protection", ""),
        (Patch, "patch_brute-force-protection", "Update Brute-force settings"),
    ],
    ..Singleton::new("brute_force_protection", |_, _| {
        json!({
            "enabled": true, "shields": ["block", "user_notification"], "mode": "count_per_identifier_and_ip",
            "allowlist": [], "max_attempts": 10,
        })
    })
};

static SUSPICIOUS_IP: Singleton = Singleton {
    patch: Change::MergeDeep,
    routes: &[
        (Read, "get_suspicious-ip-throttling", ""),
        (Patch, "patch_suspicious-ip-throttling", "Update Suspicious IP Throttling settings"),
    ],
    ..Singleton::new("suspicious_ip_throttling", |_, _| {
        json!({
            "enabled": true, "shields": ["admin_notification", "block"], "allowlist": [],
            "stage": {
                "pre-login": {"max_attempts": 100, "rate": 864_000},
                "pre-user-registration": {"max_attempts": 50, "rate": 1_200},
                "pre-custom-token-exchange": {"max_attempts": 10, "rate": 600_000},
            },
        })
    })
};

static BREACHED_PASSWORDS: Singleton = Singleton {
    patch: Change::MergeDeep,
    routes: &[
        (Read, "get_breached-password-detection", ""),
        (Patch, "patch_breached-password-detection", "Update Breached Password Detection settings"),
    ],
    ..Singleton::new("breached_password_detection", |_, _| {
        json!({
            "enabled": false, "shields": [], "admin_notification_frequency": [], "method": "standard",
            "stage": {"pre-user-registration": {"shields": []}, "pre-change-password": {"shields": []}},
        })
    })
};

static BOT_DETECTION: Singleton = Singleton {
    routes: &[
        (Read, "get_bot-detection", ""),
        (Patch, "patch_bot-detection", "Update Bot Detection settings"),
    ],
    ..Singleton::new("bot_detection", |_, _| {
        json!({
            "challenge_password_policy": "never", "challenge_passwordless_policy": "never",
            "challenge_password_reset_policy": "never", "allowlist": [], "bot_detection_level": "medium",
            "monitoring_mode_enabled": false,
        })
    })
};

static CAPTCHA: Singleton = Singleton {
    patch: Change::MergeDeep,
    hidden: &[
        "arkose.secret",
        "hcaptcha.secret",
        "friendly_captcha.secret",
        "recaptcha_enterprise.api_key",
        "recaptcha_v2.secret",
    ],
    routes: &[(Read, "get_captcha", ""), (Patch, "patch_captcha", "Update CAPTCHA settings")],
    ..Singleton::new(
        "captcha",
        |_, _| json!({"active_provider_id": "auth_challenge", "auth_challenge": {"fail_open": false}, "simple_captcha": {}}),
    )
};

static PHONE_PROVIDER: Singleton = Singleton {
    routes: &[
        (Read, "get_phone-provider-protection", ""),
        (Patch, "patch_phone-provider-protection", "Update Phone Provider Protection settings"),
    ],
    ..Singleton::new("phone_provider_protection", |_, _| json!({"type": "none"}))
};

static RISK_ASSESSMENTS: Singleton = Singleton {
    routes: &[
        (Read, "get_risk_assessments_settings", ""),
        (Patch, "patch_risk_assessments_settings", "Update risk assessment settings"),
    ],
    ..Singleton::new("risk_assessments", |_, _| json!({"enabled": false}))
};

static NEW_DEVICE: Singleton = Singleton {
    routes: &[
        (Read, "get_new-device", ""),
        (Patch, "patch_new-device", "Update new device risk assessment settings"),
    ],
    ..Singleton::new("risk_assessments_new_device", |_, _| json!({"remember_for": 30}))
};

static SUPPLEMENTAL_SIGNALS: Singleton = Singleton {
    routes: &[
        (Read, "get_supplemental-signals", ""),
        (Patch, "patch_supplemental-signals", "Update supplemental signals"),
    ],
    ..Singleton::new("supplemental_signals", |_, _| json!({"akamai_enabled": false}))
};

pub(super) fn behaviours(table: &mut Table) {
    for singleton in [
        &BRUTE_FORCE,
        &SUSPICIOUS_IP,
        &BREACHED_PASSWORDS,
        &BOT_DETECTION,
        &CAPTCHA,
        &PHONE_PROVIDER,
        &RISK_ASSESSMENTS,
        &NEW_DEVICE,
        &SUPPLEMENTAL_SIGNALS,
    ] {
        singleton_behaviours(table, singleton);
    }
}
