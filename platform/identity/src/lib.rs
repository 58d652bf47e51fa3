//! Access tokens: what is in them, how they are signed, and how every process verifies them by itself.
//!
//! A token is an `at+jwt` (RFC 9068) signed with Ed25519. [`Verifier`] checks it without asking
//! anybody; [`Knowledge`] holds what that takes: the public keys, what has been revoked, whose roles
//! changed after their tokens were issued, and what each role permits. [`follow`] keeps it up to
//! date: a snapshot from the tokens and roles services at start and every few seconds, and every
//! change as a message at once. Promise: a revocation or a changed role counts in every process
//! within a second; while those services are away, who is signed in keeps working.
//!
//! A token may be bound to a key of its client ([`Proofs`], RFC 9449). Then it is good with a proof only, or from a
//! process of ours that has checked the proof and vouches for it.

mod claims;
mod dpop;
mod follow;
mod keys;
mod knowledge;
mod service_token;
mod verifier;

pub use claims::{AUDIENCE, Claims};
pub use dpop::{
    Confirmation, PROOF_ALGORITHMS, PROOF_HEADER, PROOFS_REMEMBERED, ProofFault, ProofMaker,
    Proofs, Target, bound_token, challenge, proof_of,
};
pub use follow::{follow, listen};
pub use keys::{KeyError, KeyPair, SigningAlgorithm};
pub use knowledge::Knowledge;
pub use service_token::NodeSecret;
pub use verifier::{Verified, Verifier, decode_signed};
