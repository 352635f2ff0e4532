//! Whose token is this? (401, and 400 for a header that holds none.)

use std::sync::Arc;

use callboard_contract::Unauthorized;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;

use super::{ApiError, Origin};
use crate::tenants::Tenant;
use crate::tokens::{Caller, InvalidToken};

/// The caller of a Management API request.
pub(super) fn caller(
    tenant: &Tenant,
    origin: &Origin,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Arc<Caller>, ApiError> {
    let token = bearer(headers)?;
    let caller = tenant.verifier().verify(&tenant.keys().of_token(token), token, now).map_err(
        |refusal| match refusal {
            InvalidToken::Malformed => Unauthorized::Malformed,
            InvalidToken::Signature => Unauthorized::BadSignature,
            InvalidToken::Expired => Unauthorized::Expired,
        },
    )?;
    if !caller.audience.contains(&origin.management_audience()) {
        return Err(Unauthorized::BadAudience(&caller.audience.join(",")).into());
    }
    if caller.issuer != origin.issuer() {
        return Err(Unauthorized::Malformed.into());
    }
    Ok(caller)
}

fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let header = headers.get(AUTHORIZATION).ok_or(Unauthorized::Missing)?;
    let (scheme, token) =
        header.to_str().ok().and_then(|header| header.split_once(' ')).unwrap_or_default();
    let looks_like_a_jwt = token.trim().matches('.').count() == 2;
    if !scheme.eq_ignore_ascii_case("bearer") || !looks_like_a_jwt {
        return Err(ApiError::bad_request("Bearer", "Bad HTTP authentication header format"));
    }
    Ok(token.trim())
}
