//! Mail that waits, and what became of mail that went. The same occasion is told to the same person once, whatever
//! happens in between: before a message is handed over, that is written down, and what was being handed over when
//! everything stopped is never handed over again.

use duckdb::{Connection, OptionalExt as _, params};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Store, StoreError, load::time};

/// What a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// The report of one machine.
    Weekly,
    /// The overview of many machines.
    Digest,
    /// Something that cannot wait, or that it is solved.
    Alert,
    /// To see whether mail arrives.
    Test,
}

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    /// It will be tried, or tried again.
    Waiting,
    /// It is being handed over, or that was cut off.
    HandingOver,
    /// The mail server took it.
    Sent,
    /// It was handed over, and no answer came: it may have arrived, so it is not sent again.
    Unsure,
    /// Nobody took it.
    GivenUp,
}

named!(MailKind: Weekly "weekly", Digest "digest", Alert "alert", Test "test");
named!(MailState: Waiting "waiting", HandingOver "handing_over", Sent "sent", Unsure "unsure", GivenUp "given_up");

/// A mail that is put into the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMail {
    /// The job that sends it.
    pub job: Option<String>,
    /// What it is.
    pub kind: MailKind,
    /// What it is about: with the recipient, the same is never sent twice.
    pub occasion: String,
    /// Who gets it: an address.
    pub recipient: String,
    /// The sender's address.
    pub sender: String,
    /// The subject.
    pub subject: String,
    /// The message as it is handed over.
    pub message: Vec<u8>,
}

/// A mail of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Mail {
    /// Its number.
    pub id: i64,
    /// The job that sends it.
    pub job: Option<String>,
    /// What it is.
    pub kind: MailKind,
    /// What it is about.
    pub occasion: String,
    /// Who gets it.
    pub recipient: String,
    /// The sender's address.
    pub sender: String,
    /// The subject.
    pub subject: String,
    /// What became of it.
    pub state: MailState,
    /// When it was made.
    #[schemars(with = "String")]
    pub made: Timestamp,
    /// When it is tried next.
    #[schemars(with = "String")]
    pub next_try: Timestamp,
    /// How often it was tried.
    pub tries: i64,
    /// When it was over.
    #[schemars(with = "Option<String>")]
    pub ended: Option<Timestamp>,
    /// The last word of the mail server.
    pub said: Option<String>,
}

const MAIL: &str = "select id, job, kind, occasion, recipient, sender, subject, state, epoch_us(made), epoch_us(next_try), \
                    tries, epoch_us(ended), said from mails where host = ?";

fn mail(row: &duckdb::Row<'_>) -> Result<Mail, duckdb::Error> {
    Ok(Mail {
        id: row.get(0)?,
        job: row.get(1)?,
        kind: MailKind::parse(&row.get::<_, String>(2)?).unwrap_or(MailKind::Weekly),
        occasion: row.get(3)?,
        recipient: row.get(4)?,
        sender: row.get(5)?,
        subject: row.get(6)?,
        // What is not understood is not sent.
        state: MailState::parse(&row.get::<_, String>(7)?).unwrap_or(MailState::Unsure),
        made: time(row.get(8)?),
        next_try: time(row.get(9)?),
        tries: row.get(10)?,
        ended: row.get::<_, Option<i64>>(11)?.map(time),
        said: row.get(12)?,
    })
}

impl Store {
    /// Puts mails into the queue, all or none; those whose occasion was told to their recipient already are left out.
    /// Returns the numbers of those that are new.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn queue_mails(&self, host: &str, mails: &[NewMail], now: Timestamp) -> Result<Vec<i64>, StoreError> {
        self.transaction(|connection| queue(connection, host, mails, now))
    }

    /// Mails that are due, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn due_mails(&self, host: &str, now: Timestamp) -> Result<Vec<Mail>, StoreError> {
        let connection = self.read()?;
        let sql = format!("{MAIL} and state = 'waiting' and next_try <= make_timestamp(?) order by id");
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map(params![host, now.as_microsecond()], mail)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// When the next mail is tried; none when none waits.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn next_mail(&self, host: &str) -> Result<Option<Timestamp>, StoreError> {
        let connection = self.read()?;
        let sql = "select epoch_us(min(next_try)) from mails where host = ? and state = 'waiting'";
        let next: Option<i64> = connection.query_row(sql, params![host], |r| r.get(0))?;
        Ok(next.map(time))
    }

    /// The newest mails, newest first; only those that wait or went wrong when `only_open`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn mails(&self, host: &str, only_open: bool, limit: usize) -> Result<Vec<Mail>, StoreError> {
        let connection = self.read()?;
        let sql = format!("{MAIL} and (not ? or state <> 'sent') order by id desc limit ?");
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map(params![host, only_open, i64::try_from(limit).unwrap_or(i64::MAX)], mail)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The newest mail of a job that arrived, about another occasion than this one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_mail_of(&self, host: &str, job: &str, but: &str) -> Result<Option<Mail>, StoreError> {
        let connection = self.read()?;
        let sql = format!(
            "{MAIL} and job = ? and kind in ('weekly', 'digest') and state = 'sent' and occasion <> ? order by id desc limit 1"
        );
        Ok(connection.query_row(&sql, params![host, job, but], mail).optional()?)
    }

    /// The message of a mail that is not over; none when it is, or there is no such mail.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn mail_message(&self, host: &str, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
        let connection = self.read()?;
        let sql = "select message from mails where host = ? and id = ?";
        let found: Option<Option<Vec<u8>>> = connection.query_row(sql, params![host, id], |r| r.get(0)).optional()?;
        Ok(found.flatten())
    }

    /// Writes down that a waiting mail is being handed over from now on; false when it waits no more.
    ///
    /// # Errors
    /// When the file cannot be used: then it must not be handed over.
    pub fn hand_over_mail(&self, id: i64) -> Result<bool, StoreError> {
        self.transaction(|connection| {
            let sql = "update mails set state = 'handing_over' where id = ? and state = 'waiting'";
            Ok(connection.execute(sql, params![id])? == 1)
        })
    }

    /// Writes down what became of a try: it is over, or is tried again at `next_try`.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn end_mail(&self, mail: &Mail) -> Result<(), StoreError> {
        self.transaction(|connection| {
            connection.execute(
                "update mails set state = ?, next_try = make_timestamp(?), tries = ?, ended = make_timestamp(?), said = ?,
                        message = case when ? then null else message end where id = ?",
                params![
                    mail.state.name(),
                    mail.next_try.as_microsecond(),
                    mail.tries,
                    mail.ended.map(Timestamp::as_microsecond),
                    mail.said,
                    mail.state == MailState::Sent,
                    mail.id
                ],
            )?;
            Ok(())
        })
    }

    /// What was being handed over when everything stopped: nobody knows whether it arrived, so it is not sent again.
    /// Whoever calls keeps others from handing anything over. Returns how many there were.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn settle_mails(&self, host: &str, now: Timestamp) -> Result<usize, StoreError> {
        let cut_off = "host = ? and state = 'handing_over'";
        let any: bool = {
            let connection = self.read()?;
            connection
                .query_row(&format!("select count(*) > 0 from mails where {cut_off}"), params![host], |r| r.get(0))?
        };
        if !any {
            return Ok(0);
        }
        self.transaction(|connection| {
            let sql = format!(
                "update mails set state = 'unsure', ended = make_timestamp(?), said = 'Everything stopped while it was \
                 handed over.' where {cut_off}"
            );
            Ok(connection.execute(&sql, params![now.as_microsecond(), host])?)
        })
    }

    /// Lets a mail that did not arrive be tried again, because a person says so; false when it is sent or unknown.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn retry_mail(&self, host: &str, id: i64, now: Timestamp) -> Result<bool, StoreError> {
        self.transaction(|connection| {
            let sql = "update mails set state = 'waiting', next_try = make_timestamp(?), made = make_timestamp(?), tries = 0,
                              ended = null
                       where host = ? and id = ? and state in ('waiting', 'unsure', 'given_up') and message is not null";
            let now = now.as_microsecond();
            Ok(connection.execute(sql, params![now, now, host, id])? == 1)
        })
    }

    /// Takes a mail that waits or went wrong out of the queue; false when it is sent or unknown.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn drop_mail(&self, host: &str, id: i64, now: Timestamp) -> Result<bool, StoreError> {
        self.transaction(|connection| {
            let sql = "update mails set state = 'given_up', ended = make_timestamp(?), said = 'Someone took it out.',
                              message = null
                       where host = ? and id = ? and state in ('waiting', 'unsure', 'given_up') and message is not null";
            Ok(connection.execute(sql, params![now.as_microsecond(), host, id])? == 1)
        })
    }
}

/// As [`Store::queue_mails`], within a transaction.
pub(super) fn queue(
    connection: &Connection,
    host: &str,
    mails: &[NewMail],
    now: Timestamp,
) -> Result<Vec<i64>, StoreError> {
    let mut new = Vec::new();
    for mail in mails {
        let sql = "select count(*) > 0 from mails where host = ? and occasion = ? and recipient = ?";
        if connection.query_row(sql, params![host, mail.occasion, mail.recipient], |r| r.get(0))? {
            continue;
        }
        let id: i64 = connection.query_row("select coalesce(max(id), 0) + 1 from mails", [], |r| r.get(0))?;
        connection.execute(
            "insert into mails values
                 (?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', make_timestamp(?), make_timestamp(?), 0, null, null)",
            params![
                id,
                host,
                mail.job,
                mail.kind.name(),
                mail.occasion,
                mail.recipient,
                mail.sender,
                mail.subject,
                mail.message,
                now.as_microsecond(),
                now.as_microsecond(),
            ],
        )?;
        new.push(id);
    }
    Ok(new)
}
