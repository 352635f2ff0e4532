//! A place in the events, as clients carry it: opaque to them, a position to us.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The form of the token; another one could follow beside it.
const FORM: &str = "1.";

/// The position of the event before the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset(pub(super) i64);

/// Not a token that was ever given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an offset")]
pub(super) struct InvalidOffset;

impl fmt::Display for Offset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(format!("{FORM}{}", self.0)))
    }
}

impl FromStr for Offset {
    type Err = InvalidOffset;

    fn from_str(text: &str) -> Result<Self, InvalidOffset> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidOffset)?;
        let text = str::from_utf8(&bytes).map_err(|_| InvalidOffset)?;
        let position = text.strip_prefix(FORM).ok_or(InvalidOffset)?;
        let position = position.parse().map_err(|_| InvalidOffset)?;
        if position < 0 { Err(InvalidOffset) } else { Ok(Self(position)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_read_as_it_was_written() {
        for position in [0, 1, 4_000_000_000] {
            assert_eq!(Offset(position).to_string().parse(), Ok(Offset(position)));
        }
        for nonsense in ["", "1.5", "MS4tMQ", "Mi41", "%%%"] {
            assert_eq!(nonsense.parse::<Offset>(), Err(InvalidOffset), "{nonsense}");
        }
    }
}
