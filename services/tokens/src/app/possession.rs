//! That who sends a request has the key it names, or that a token is bound to (DPoP, RFC 9449).

use identity::{Claims, ProofFault, Target};

use crate::Tokens;
use crate::app::clients::ClientProof;
use crate::domain::authorization::Parameters;
use crate::error::{Error, Result};

/// An access token as a request shows it.
#[derive(Clone, Copy, Debug)]
pub struct ShownToken<'r> {
    pub token: &'r str,
    /// As `DPoP` and not as `Bearer`.
    pub is_as_bound: bool,
    /// What came in the header `DPoP`.
    pub proof: Result<Option<&'r str>, ProofFault>,
    pub method: &'r str,
    /// Of the request, as it is known to the world.
    pub path: &'r str,
}

impl<'r> ShownToken<'r> {
    /// A token by itself.
    pub fn bearer(token: &'r str) -> Self {
        Self { token, is_as_bound: false, proof: Ok(None), method: "", path: "" }
    }
}

impl Tokens {
    /// The thumbprint of the key that a request to an endpoint of ours proves; `None` when it brings no proof.
    pub(super) fn prove_key(&self, proof: &ClientProof, endpoint: &str) -> Result<Option<String>> {
        let Some(text) = &proof.possession else { return Ok(None) };
        let target = Target { method: "POST", uri: endpoint, access_token: None };
        self.proofs.check(text, &target).map(Some).map_err(Error::InvalidProof)
    }

    /// A pushed request is for the key that pushes it, and may name that one only (RFC 9449, section 10.1).
    pub(super) fn with_proved_key(
        &self,
        proof: &ClientProof,
        endpoint: &str,
        parameters: &Parameters,
    ) -> Result<Parameters> {
        let Some(thumbprint) = self.prove_key(proof, endpoint)? else {
            return Ok(parameters.clone());
        };
        match parameters.get("dpop_jkt") {
            Some(named) if named != thumbprint => Err(Error::InvalidProof(ProofFault::OtherKey)),
            _ => Ok(parameters.clone().with("dpop_jkt", &thumbprint)),
        }
    }

    /// Whether who shows a token may: one that is bound to a key comes with a proof, any other one without.
    pub(super) fn check_shown(&self, claims: &Claims, shown: &ShownToken<'_>) -> Result<()> {
        let ShownToken { token, is_as_bound, proof, method, path } = *shown;
        let bound = match &claims.cnf {
            None if is_as_bound => return Err(Error::InvalidBoundToken),
            None => return Ok(()),
            Some(_) if !is_as_bound => return Err(Error::InvalidBoundToken),
            Some(bound) => bound,
        };
        let uri = format!("{}{path}", self.ctx.public_url);
        let target = Target { method, uri: &uri, access_token: Some(token) };
        let checked = proof.and_then(|proof| self.proofs.check_bound(proof, &target, bound));
        checked.map_err(Error::UnprovedToken)
    }
}
