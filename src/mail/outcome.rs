//! What became of one mail, in a sentence, and what may be done next.

pub(super) use crate::words::said;

/// What became of one mail. Every sentence is for people; what a server said in it is harmless and short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The next server (or the mail program of this machine) has taken it over.
    Sent {
        /// What it said.
        said: String,
    },
    /// Nothing was handed over. The same mail may be tried again later.
    Later {
        /// Why.
        why: String,
    },
    /// Nothing was handed over, and trying the same again does not help: a person must act.
    Never {
        /// Why.
        why: String,
        /// What must change.
        cause: Cause,
    },
    /// The whole mail was written but no answer came. It may have arrived; it must not be sent again.
    Unsure {
        /// Why.
        why: String,
    },
}

/// What stands in the way for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// How mail is sent: server, login, encryption, sender. It may be tried again when these have changed.
    Settings,
    /// Who shall get it: this recipient is refused, others may not be.
    Recipient,
    /// The mail itself: too large, or refused for what is in it.
    Message,
}

impl Outcome {
    /// The sentence.
    pub fn sentence(&self) -> &str {
        match self {
            Outcome::Sent { said } => said,
            Outcome::Later { why } | Outcome::Never { why, .. } | Outcome::Unsure { why } => why,
        }
    }

    pub(super) fn later(why: impl Into<String>) -> Self {
        Outcome::Later { why: why.into() }
    }

    pub(super) fn never(cause: Cause, why: impl Into<String>) -> Self {
        Outcome::Never { why: why.into(), cause }
    }

    pub(super) fn unsure(why: impl Into<String>) -> Self {
        Outcome::Unsure { why: why.into() }
    }
}
