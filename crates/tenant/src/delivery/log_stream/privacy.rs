//! Personal data in what a log stream carries: masked or hashed where the stream says so.

use serde_json::Value;

const MASK: &str = "********";

/// Which members of an entry are concerned by a named field, wherever they stand in it.
const MEMBERS: [(&str, &[&str]); 6] = [
    ("first_name", &["first_name", "given_name"]),
    ("last_name", &["last_name", "family_name"]),
    ("username", &["username", "user_name"]),
    ("email", &["email"]),
    ("phone", &["phone", "phone_number"]),
    ("address", &["address"]),
];

/// What a stream's `pii_config` asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Privacy {
    members: Vec<&'static str>,
    /// Masked otherwise.
    hashes: bool,
    /// Names of users that are addresses are concerned, too.
    addresses: bool,
}

impl Privacy {
    pub(super) fn of(config: &Value) -> Self {
        let fields: Vec<_> = config["log_fields"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let concerned = MEMBERS.iter().filter(|(field, _)| fields.contains(field));
        Self {
            members: concerned.flat_map(|(_, members)| members.iter().copied()).collect(),
            hashes: config["method"] == "hash",
            addresses: fields.contains(&"email"),
        }
    }

    pub(super) fn apply(&self, value: &mut Value) {
        if self.members.is_empty() {
            return;
        }
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    if self.concerns(name, value) {
                        self.hide(value);
                    } else {
                        self.apply(value);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.apply(item)),
            _ => {}
        }
    }

    fn concerns(&self, name: &str, value: &Value) -> bool {
        let is_address = || value.as_str().is_some_and(|text| text.contains('@'));
        self.members.contains(&name) || (self.addresses && name == "user_name" && is_address())
    }

    /// Every text of a value.
    fn hide(&self, value: &mut Value) {
        match value {
            Value::String(text) if text.is_empty() => {}
            Value::String(text) if self.hashes => {
                *text = format!("{:016x}", xxh64(text.as_bytes()));
            }
            Value::String(text) => MASK.clone_into(text),
            Value::Object(members) => members.values_mut().for_each(|value| self.hide(value)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide(item)),
            _ => {}
        }
    }
}

const PRIMES: [u64; 5] = [
    0x9E37_79B1_85EB_CA87,
    0xC2B2_AE3D_27D4_EB4F,
    0x1656_67B1_9E37_79F9,
    0x85EB_CA77_C2B2_AE63,
    0x27D4_EB2F_1656_67C5,
];

/// XXH64 with seed 0, as its specification says.
fn xxh64(bytes: &[u8]) -> u64 {
    let (stripes, mut rest) = bytes.split_at(bytes.len() / 32 * 32);
    let mut hash = if stripes.is_empty() {
        PRIMES[4]
    } else {
        let mut lanes =
            [PRIMES[0].wrapping_add(PRIMES[1]), PRIMES[1], 0, 0_u64.wrapping_sub(PRIMES[0])];
        for stripe in stripes.chunks_exact(32) {
            for (lane, chunk) in lanes.iter_mut().zip(stripe.chunks_exact(8)) {
                *lane = round(*lane, little_endian(chunk));
            }
        }
        let [a, b, c, d] = lanes;
        let merged = a
            .rotate_left(1)
            .wrapping_add(b.rotate_left(7))
            .wrapping_add(c.rotate_left(12))
            .wrapping_add(d.rotate_left(18));
        lanes.into_iter().fold(merged, |hash, lane| {
            (hash ^ round(0, lane)).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3])
        })
    };
    hash = hash.wrapping_add(bytes.len() as u64);
    while let Some((chunk, after)) = rest.split_at_checked(8) {
        hash = (hash ^ round(0, little_endian(chunk)))
            .rotate_left(27)
            .wrapping_mul(PRIMES[0])
            .wrapping_add(PRIMES[3]);
        rest = after;
    }
    if let Some((chunk, after)) = rest.split_at_checked(4) {
        hash = (hash ^ little_endian(chunk).wrapping_mul(PRIMES[0]))
            .rotate_left(23)
            .wrapping_mul(PRIMES[1])
            .wrapping_add(PRIMES[2]);
        rest = after;
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(PRIMES[4]))
            .rotate_left(11)
            .wrapping_mul(PRIMES[0]);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(PRIMES[1]);
    hash = (hash ^ (hash >> 29)).wrapping_mul(PRIMES[2]);
    hash ^ (hash >> 32)
}

fn round(lane: u64, input: u64) -> u64 {
    lane.wrapping_add(input.wrapping_mul(PRIMES[1])).rotate_left(31).wrapping_mul(PRIMES[0])
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hashes_are_those_of_the_specification() {
        for (text, hash) in [
            ("", 0xef46_db37_51d8_e999),
            ("a", 0xd24e_c4f1_a98c_6e5b),
            ("abc", 0x44bc_2cf5_ad77_0999),
            ("Nobody inspects the spammish repetition", 0xfbce_a83c_8a37_8bf1),
        ] {
            assert_eq!(xxh64(text.as_bytes()), hash, "{text}");
        }
    }

    #[test]
    fn what_is_named_is_hidden_wherever_it_stands() {
        let entry = json!({
            "user_name": "jane@example.com", "type": "s",
            "details": {"body": {"email": "jane@example.com", "given_name": "Jane", "n": 1}},
        });
        let mut masked = entry.clone();
        Privacy::of(&json!({"log_fields": ["email"], "method": "mask"})).apply(&mut masked);
        assert_eq!(
            masked,
            json!({
                "user_name": "********", "type": "s",
                "details": {"body": {"email": "********", "given_name": "Jane", "n": 1}},
            })
        );
        let mut hashed = entry.clone();
        let config = json!({"log_fields": ["first_name"], "method": "hash", "algorithm": "xxhash"});
        Privacy::of(&config).apply(&mut hashed);
        assert_eq!(hashed["details"]["body"]["given_name"], format!("{:016x}", xxh64(b"Jane")));
        assert_eq!(hashed["user_name"], "jane@example.com");
        let mut untouched = entry.clone();
        Privacy::of(&Value::Null).apply(&mut untouched);
        assert_eq!(untouched, entry);
    }
}
