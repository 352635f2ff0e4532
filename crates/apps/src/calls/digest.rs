//! Answers to digest challenges (RFC 7616): MD5 and SHA-256, with `qop=auth` or without.

use std::collections::HashMap;

use md5::Md5;
use sha2::{Digest as _, Sha256};
use url::{Position, Url};

pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a Url,
    /// Makes the client's nonce: it must differ between requests and need not be secret.
    pub(super) key: &'a str,
}

#[derive(Clone, Copy)]
enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex::encode(Md5::digest(text)),
            Self::Sha256 => hex::encode(Sha256::digest(text)),
        }
    }
}

/// The `Authorization` for a challenge; none where it is not one that we can answer.
pub(super) fn respond(
    challenge: &str,
    username: &str,
    password: &str,
    request: &Request<'_>,
) -> Option<String> {
    let (scheme, rest) = challenge.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("digest") {
        return None;
    }
    let fields = parameters(rest);
    let field = |name: &str| fields.get(name).map(String::as_str);
    let (realm, nonce) = (field("realm").unwrap_or_default(), field("nonce")?);
    let named = field("algorithm").unwrap_or("MD5");
    let upper = named.to_ascii_uppercase();
    let algorithm = match upper.trim_end_matches("-SESS") {
        "MD5" => Algorithm::Md5,
        "SHA-256" => Algorithm::Sha256,
        _ => return None,
    };
    let uri = &request.url[Position::BeforePath..Position::AfterQuery];
    let nonce_of_client: String =
        hex::encode(Sha256::digest(format!("{}\n{nonce}\n{uri}", request.key)))
            .chars()
            .take(16)
            .collect();
    let mut first = algorithm.hash(&format!("{username}:{realm}:{password}"));
    if upper.ends_with("-SESS") {
        first = algorithm.hash(&format!("{first}:{nonce}:{nonce_of_client}"));
    }
    let second = algorithm.hash(&format!("{}:{uri}", request.method));
    let quality = match field("qop") {
        None => None,
        Some(offered) => {
            Some(offered.split(',').map(str::trim).find(|one| one.eq_ignore_ascii_case("auth"))?)
        }
    };
    let response = match quality {
        Some(_) => {
            algorithm.hash(&format!("{first}:{nonce}:00000001:{nonce_of_client}:auth:{second}"))
        }
        None => algorithm.hash(&format!("{first}:{nonce}:{second}")),
    };
    let mut answer = format!(
        "Digest username={}, realm={}, nonce={}, uri={}, algorithm={named}, response=\"{response}\"",
        quoted(username),
        quoted(realm),
        quoted(nonce),
        quoted(uri)
    );
    if quality.is_some() || upper.ends_with("-SESS") {
        answer.extend([", cnonce=\"", &nonce_of_client, "\""]);
    }
    if quality.is_some() {
        answer.push_str(", qop=auth, nc=00000001");
    }
    if let Some(opaque) = field("opaque") {
        answer.extend([", opaque=", &quoted(opaque)]);
    }
    Some(answer)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// `name=token` and `name="quoted \" text"`, separated by commas.
fn parameters(text: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    let mut signs = text.chars().peekable();
    loop {
        let name: String = std::iter::from_fn(|| signs.next_if(|sign| *sign != '=')).collect();
        if signs.next().is_none() {
            return found;
        }
        let mut value = String::new();
        if signs.next_if_eq(&'"').is_some() {
            while let Some(sign) = signs.next().filter(|sign| *sign != '"') {
                value.extend(if sign == '\\' { signs.next() } else { Some(sign) });
            }
        } else {
            value.extend(std::iter::from_fn(|| signs.next_if(|sign| *sign != ',')));
        }
        while signs.next_if(|sign| *sign != ',').is_some() {}
        signs.next();
        found.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_the_one_that_the_server_computes() {
        let url = Url::parse("http://www.example.com/dir/index.html").unwrap();
        let request = Request { method: "GET", url: &url, key: "run:step" };
        let challenge = r#"Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41""#;
        let answer = respond(challenge, "Mufasa", "CircleOfLife", &request).unwrap();
        // RFC 2069 §2.4, corrected by its errata.
        assert!(answer.contains("response=\"1949323746fe6a43ef61f9606e7febea\""), "{answer}");
        assert!(answer.ends_with("opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""), "{answer}");
    }

    #[test]
    fn a_challenge_that_needs_more_is_not_answered() {
        let url = Url::parse("http://x/").unwrap();
        let request = Request { method: "GET", url: &url, key: "k" };
        for (challenge, answered) in [
            (r#"Digest realm="r", nonce="n", qop="auth-int, auth", algorithm=SHA-256"#, true),
            (r#"digest nonce="n",algorithm=MD5-sess,qop=auth"#, true),
            (r#"Digest realm="r", nonce="n", qop="auth-int""#, false),
            (r#"Digest realm="r", nonce="n", algorithm=SHA-512-256"#, false),
            (r#"Basic realm="r""#, false),
            ("Digest", false),
        ] {
            assert_eq!(respond(challenge, "u", "p", &request).is_some(), answered, "{challenge}");
        }
    }

    #[test]
    fn quoted_commas_and_quotes_are_read() {
        let read = parameters(r#"realm="a, \"b\"" , nonce=x, stale=true"#);
        assert_eq!(read["realm"], "a, \"b\"");
        assert_eq!((read["nonce"].as_str(), read["stale"].as_str()), ("x", "true"));
    }
}
