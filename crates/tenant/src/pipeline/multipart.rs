//! `multipart/form-data` (RFC 7578), as far as the API needs it: parts with names, all of them texts.

/// Name and text of each part. Parts without a name, and what is no multipart body at all, are left out.
pub(super) fn parts(content_type: &str, body: &[u8]) -> Vec<(String, String)> {
    let Some(boundary) = parameter(content_type, "boundary") else { return Vec::new() };
    let text = String::from_utf8_lossy(body);
    let delimiter = format!("--{boundary}");
    text.split(delimiter.as_str()).skip(1).filter_map(part).collect()
}

fn part(text: &str) -> Option<(String, String)> {
    let (head, content) = text.split_once("\r\n\r\n")?;
    let disposition = head.lines().find(|line| {
        line.split_once(':')
            .is_some_and(|(name, _)| name.eq_ignore_ascii_case("content-disposition"))
    })?;
    let content = content.strip_suffix("\r\n").unwrap_or(content);
    Some((parameter(disposition, "name")?.to_owned(), content.to_owned()))
}

/// `name` of `form-data; name="users"; filename="users.json"`.
fn parameter<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').skip(1).find_map(|parameter| {
        let (known, value) = parameter.trim().split_once('=')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_with_their_names() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"upsert\"\r\n\r\ntrue\r\n\
                    --x\r\nContent-Disposition: form-data; name=\"users\"; filename=\"u.json\"\r\n\
                    Content-Type: application/json\r\n\r\n[\r\n]\r\n--x--\r\n";
        let expected = [("upsert", "true"), ("users", "[\r\n]")];
        let expected: Vec<_> =
            expected.into_iter().map(|(name, text)| (name.into(), text.into())).collect();
        assert_eq!(parts("multipart/form-data; boundary=x", body.as_bytes()), expected);
        assert_eq!(parts("multipart/form-data", body.as_bytes()), Vec::new());
    }
}
