//! Documents: what operators decide and the gateway keeps in memory. Each import is a new version; none ever changes.

use std::fmt;

use crate::{Digest, Millis};

/// A document to be stored as the next version.
#[derive(Clone)]
pub struct NewDocument {
    /// What it is: products, a code list, a blacklist.
    pub kind: String,
    /// Which one of its kind.
    pub name: String,
    /// Its bytes, checked before.
    pub content: Vec<u8>,
    /// The digest of its bytes.
    pub digest: Digest,
    /// When.
    pub at: Millis,
    /// Who imported it.
    pub by: String,
}

/// What is known of a version without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentMeta {
    /// What it is.
    pub kind: String,
    /// Which one of its kind.
    pub name: String,
    /// Its version, from 1.
    pub version: u32,
    /// The digest of its bytes.
    pub digest: Digest,
    /// When it was imported.
    pub created_at: Millis,
    /// Who imported it.
    pub created_by: String,
    /// Its length in bytes.
    pub bytes: u32,
}

/// A version of a document.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// What is known of it.
    pub meta: DocumentMeta,
    /// Its bytes.
    pub content: Vec<u8>,
}

impl fmt::Debug for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Document({:?})", self.meta)
    }
}
