//! Which known name somebody may have meant.

const NEAR: f64 = 0.6;

/// The most similar name, if any is similar at all.
pub(crate) fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let scored =
        names.into_iter().map(|name| (strsim::normalized_damerau_levenshtein(wanted, name), name));
    let best = scored.max_by(|left, right| left.0.total_cmp(&right.0))?;
    (best.0 >= NEAR).then(|| best.1.to_owned())
}
