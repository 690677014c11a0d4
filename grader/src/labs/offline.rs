//! Cargo without a network. The first build of a workspace downloads the few crates that the labs use; if that fails,
//! cargo's messages do not say what to do.

/// Advice, in lines.
pub const WAY_OUT: &str = "\
cargo could not download the crates that the labs use, which it needs once: there seems to be no network. Either
  run `cargo fetch` in the workspace once while there is a network; every build after that works without one, or
  copy the directory ~/.cargo/registry from a machine on which the labs were built to this one";

/// Messages of cargo where it can't reach a registry, or must not try.
const SIGNS: [&str; 8] = [
    "failed to download",
    "unable to update registry",
    "failed to query replaced source registry",
    "download of config.json failed",
    "spurious network error",
    "--offline was specified",
    "you're using offline mode",
    "net.offline",
];

/// Whether cargo's standard error shows that a download failed.
pub fn is_why(said: &str) -> bool {
    let said = said.to_lowercase();
    // A lab that does not compile may print anything: cargo's own errors have no code and no place.
    !said.contains("error[e") && SIGNS.iter().any(|sign| said.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::offline_with_a_lock_file(
        "error: failed to download `libc v0.2.186`\n\nCaused by:\n  attempting to make an HTTP request, but \
         --offline was specified\n"
    )]
    #[case::offline_without(
        "error: no matching package named `nix` found\nlocation searched: crates.io index\nAs a reminder, you're \
         using offline mode (--offline) which can sometimes cause surprising resolution failures"
    )]
    #[case::no_name_server(
        "warning: spurious network error (3 tries remaining): [6] Couldn't resolve host name\nerror: failed to \
         download from `https://index.crates.io/config.json`\n"
    )]
    #[case::no_registry(
        "error: failed to get `nix` as a dependency\nCaused by:\n  Unable to update registry `crates-io`"
    )]
    fn a_download_that_failed_is_known(#[case] said: &str) {
        assert!(is_why(said));
    }

    #[rstest]
    #[case("error[E0425]: cannot find value `offline` in this scope\n --> failed to download")]
    #[case("error: expected one of `;`, found `}`")]
    #[case("error: linking with `cc` failed: exit status: 1")]
    fn what_is_no_failed_download_is_not_taken_for_one(#[case] said: &str) {
        assert!(!is_why(said));
    }
}
