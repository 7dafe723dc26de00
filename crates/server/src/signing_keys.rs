//! The route of the signing keys API: the public keys of receipts, for everybody.

use axum::http::HeaderValue;
use usher_contract::signing_keys::v1::operations::{ReadSigningKeysParameters, Server};
use usher_wire::to_json;

use crate::caller::Anyone;
use crate::exchange::{Answer, Call};
use crate::fault::Fault;

/// A key that was just retired is published as long as receipts are, so a kept answer lacks at most the newest key.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// The API as the contract's server sees it.
pub(crate) struct SigningKeys;

impl Server for SigningKeys {
    type Call = Call<Anyone>;
    type Answer = Result<Answer, Fault>;

    async fn read_signing_keys(
        &self,
        call: &Call<Anyone>,
        _parameters: ReadSigningKeysParameters,
    ) -> Result<Answer, Fault> {
        let keys = to_json(&call.gateway.signing.key_set());
        Ok(Answer { cache_control: CACHE_CONTROL, ..call.answer(keys) })
    }
}
