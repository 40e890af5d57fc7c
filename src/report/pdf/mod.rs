//! The report as a PDF: a small engine that lays blocks out on pages, drawn with printpdf's operations, and the pages of the
//! report made with it. It computes nothing about the machine, and asks for nothing outside the report.
//!
//! The way of a page: [`block`] says what it is made of, [`wrap`] breaks texts into lines of words that [`shape`] made,
//! [`flow`] puts lines, tables and cards on one long ribbon, [`paginate`] cuts it into pages, [`paint`] draws them, [`write`]
//! adds fonts, links, bookmarks and the structure that screen readers need.

mod block;
mod file;
mod flow;
mod fonts;
mod pages;
mod paginate;
mod paint;
mod picture;
mod shape;
mod table;
mod tags;
#[cfg(test)]
mod tests;
mod theme;
mod wrap;
mod write;

use self::{
    flow::Flow,
    paginate::{Page, paginate},
    picture::Picture,
    shape::Shaper,
    theme::Sheet,
    write::About,
};
use super::{Options, Report, fleet::Fleet};

/// Why a PDF could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// The logo cannot be used.
    #[error("the logo cannot be used: {0}")]
    Logo(String),
    /// A face that is compiled in does not work.
    #[error("the font {0} does not work: {1}")]
    Font(&'static str, String),
}

/// The report as a PDF. The same report gives the same bytes.
///
/// # Errors
/// When the PNG of the logo is broken.
pub fn pdf(report: &Report, options: &Options) -> Result<Vec<u8>, PdfError> {
    let fine = report.problems.len() <= pages::MANY;
    made(options, fine, &pages::about(report), |flow, picture| pages::lay(flow, report, options, picture))
}

/// The overview of many machines as a PDF. The same overview gives the same bytes.
///
/// # Errors
/// When the PNG of the logo is broken.
pub fn fleet_pdf(fleet: &Fleet, options: &Options) -> Result<Vec<u8>, PdfError> {
    let fine = fleet.hosts.len() <= pages::MANY;
    made(options, fine, &pages::about_many(fleet), |flow, picture| pages::fleet::lay(flow, fleet, picture))
}

/// The document of what `lay` lays out.
fn made(
    options: &Options,
    fine: bool,
    about: &About,
    lay: impl FnOnce(&mut Flow, Option<&Picture>),
) -> Result<Vec<u8>, PdfError> {
    let picture = options.logo.as_ref().map(|logo| Picture::png(&logo.png)).transpose()?;
    let sheet = Sheet::of(options.paper);
    let (flow, pages) = laid_out(sheet, fine, |flow| lay(flow, picture.as_ref()))?;
    let count = pages.len();
    let edges = |n: usize, shaper: &mut Shaper| pages::edges(about, sheet, n, count, shaper);
    write::write(flow, &pages, sheet, picture.as_ref(), about, edges)
}

/// Lays out; `fine` sets type with care, which takes longer than many thousand lines are worth.
fn laid_out(sheet: Sheet, fine: bool, lay: impl FnOnce(&mut Flow)) -> Result<(Flow, Vec<Page>), PdfError> {
    let shaper = Shaper::new(fine).ok_or_else(|| PdfError::Font("Inter", "it cannot be read".to_owned()))?;
    let mut flow = Flow::new(shaper, sheet.text_width(), sheet.text_height());
    lay(&mut flow);
    let pages = paginate(&flow.ribbon.strips, sheet.text_height());
    Ok((flow, pages))
}
