//! A value to look for, perhaps with wildcards.

use super::InvalidQuery;

/// Literal characters that a pattern with a leading wildcard must have.
const SUFFIX_LITERALS: usize = 3;

/// Literal parts between wildcards; one part is an exact value. Values match whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    parts: Vec<String>,
}

impl Pattern {
    pub(super) fn exactly(text: String) -> Self {
        Self { parts: vec![text] }
    }

    /// `parts` are what stands between the wildcards, unescaped.
    pub(super) fn with_wildcards(parts: Vec<String>) -> Result<Self, InvalidQuery> {
        let leads = parts.len() > 1 && parts[0].is_empty();
        let literals: usize = parts.iter().map(|part| part.chars().count()).sum();
        if leads && literals > 0 && literals < SUFFIX_LITERALS {
            return Err(InvalidQuery::ShortWildcard(parts.join("*")));
        }
        Ok(Self { parts })
    }

    pub(super) fn exact(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [text] => Some(text),
            _ => None,
        }
    }

    pub(super) fn matches(&self, value: &str, folds_case: bool) -> bool {
        if folds_case {
            let folded: Vec<_> = self.parts.iter().map(|part| part.to_lowercase()).collect();
            fits(&folded, &value.to_lowercase())
        } else {
            fits(&self.parts, value)
        }
    }
}

fn fits(parts: &[String], value: &str) -> bool {
    let [first, middle @ .., last] = parts else {
        return parts.first().is_some_and(|only| only == value);
    };
    let Some(mut rest) = value.strip_prefix(first.as_str()) else { return false };
    for part in middle {
        let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
        rest = after;
    }
    rest.ends_with(last.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_text() {
        for (pattern, value, matches) in [
            ("john*", "johnny", true),
            ("*ann*", "susanna", true),
            ("*son", "johnson", true),
            ("j*n*y", "johnny", true),
            ("j*x*y", "johnny", false),
            ("a*a", "a", false),
            ("*", "anything", true),
        ] {
            let pattern_of =
                |text: &str| Pattern { parts: text.split('*').map(str::to_owned).collect() };
            assert_eq!(pattern_of(pattern).matches(value, false), matches, "{pattern} {value}");
        }
    }

    #[test]
    fn a_leading_wildcard_needs_three_characters() {
        let parts = |text: &str| text.split('*').map(str::to_owned).collect::<Vec<_>>();
        assert!(Pattern::with_wildcards(parts("*ab")).is_err());
        assert!(Pattern::with_wildcards(parts("*abc")).is_ok());
        assert!(Pattern::with_wildcards(parts("a*")).is_ok());
        assert!(Pattern::with_wildcards(parts("*")).is_ok());
    }
}
