//! What several fields have to look like: what could never name anything, or never come true, is refused when it is written, not
//! when a plan waits for it.

/// The name of a resource (RFC 1123, subdomain).
pub(super) const NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// The name of a namespace (RFC 1123, label).
pub(super) const NAMESPACE: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// 32 bytes in base64, the last sign of which has no bits left over: an Ed25519 public key as `sluice attest keygen` prints it.
pub(super) const KEY: &str = "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$";
/// A rule for durations: there is a digit that is not 0.
pub(super) const NOT_ZERO: &str = "self.matches('[1-9]')";
/// What a label may be called, with or without the domain that it belongs to.
pub(crate) const LABEL: &str =
    r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";
/// What a label may say.
pub(crate) const LABEL_VALUE: &str = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$";
