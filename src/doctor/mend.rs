//! Which mends harm nobody, so that `--fix` may do them once a person says yes. Pure.

use super::finding::Mend;

/// Nothing is ended, restarted or overwritten by it.
pub fn harms_nobody(mend: &Mend) -> bool {
    matches!(mend, Mend::Chmod { .. } | Mend::Unquarantine(_) | Mend::MakeFolder(_) | Mend::DropIn)
}
