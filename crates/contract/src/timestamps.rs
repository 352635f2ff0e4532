//! Instants as the API writes them.

use jiff::Timestamp;

/// UTC with milliseconds and a `Z`: `2023-01-25T19:00:26.187Z`.
pub fn to_wire(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_always_has_three_decimals() {
        for (at, written) in [
            ("2023-01-25T19:00:26.187654Z", "2023-01-25T19:00:26.187Z"),
            ("2023-01-25T19:00:26Z", "2023-01-25T19:00:26.000Z"),
        ] {
            assert_eq!(to_wire(at.parse().unwrap()), written);
        }
    }
}
