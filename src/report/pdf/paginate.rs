//! From the ribbon to pages: where each page ends. Nothing is measured or drawn here.

use std::rc::Rc;

use super::flow::{Glue, Strip};

/// A strip at its place on a page, measured from the top of the page's text.
#[derive(Debug, Clone)]
pub(super) enum Placed {
    /// By its number on the ribbon.
    Strip(usize, f32),
    /// The head of a table once more.
    Head(Rc<Strip>, f32),
}

/// One page.
#[derive(Debug, Default, Clone)]
pub(super) struct Page {
    pub(super) placed: Vec<Placed>,
    /// How much of its height is used.
    pub(super) used: f32,
}

/// A last page with less than this share of text is avoided where closer spacing can do it.
const NEARLY_EMPTY: f32 = 0.22;
/// Longer documents stay as they are: one page more or less is nothing there.
const SHORT: usize = 12;
/// What may stay empty at the foot of a page before a thing that should stay whole is broken.
const EMPTY: f32 = 0.2;

/// Breaks the ribbon into pages of a height.
pub(super) fn paginate(strips: &[Strip], height: f32) -> Vec<Page> {
    let pages = Paginator::new(strips, height, 1.0).run();
    let nearly_empty = |pages: &[Page]| pages.len() > 1 && pages.last().is_some_and(|p| p.used < height * NEARLY_EMPTY);
    if pages.len() > SHORT || !nearly_empty(&pages) {
        return pages;
    }
    let closer = [0.9, 0.8, 0.7, 0.6].into_iter().map(|space| Paginator::new(strips, height, space).run());
    closer.into_iter().find(|closer| !nearly_empty(closer)).unwrap_or(pages)
}

struct Paginator<'a> {
    strips: &'a [Strip],
    height: f32,
    /// What of the space between strips is kept.
    space: f32,
    pages: Vec<Page>,
    page: Page,
}

impl<'a> Paginator<'a> {
    fn new(strips: &'a [Strip], height: f32, space: f32) -> Self {
        Paginator { strips, height, space, pages: Vec::new(), page: Page::default() }
    }

    fn run(mut self) -> Vec<Page> {
        let mut at = 0;
        while let Some(strip) = self.strips.get(at) {
            if strip.turn.is_some_and(|share| self.page.used > self.height * share) {
                self.turn();
            }
            let whole = self.group(at, Glue::Free);
            if self.fits(at, whole) {
                at = self.place(at, whole);
                continue;
            }
            let empty = self.height - self.page.used;
            let too_high = self.tall(at, whole) > self.height;
            if self.page.placed.is_empty() || too_high || empty > self.height * EMPTY {
                // Whatever holds together only softly may part here; then the page is filled.
                at = self.fill(at, whole);
                if at == whole {
                    continue;
                }
            }
            self.turn();
        }
        if !self.page.placed.is_empty() {
            self.pages.push(self.page);
        }
        self.pages
    }

    /// Places of a group what fits; gives the first strip that does not.
    fn fill(&mut self, mut at: usize, end: usize) -> usize {
        while at < end {
            let part = self.group(at, Glue::Soft);
            if self.fits(at, part) {
                at = self.place(at, part);
            } else if self.page.placed.is_empty()
                || (self.tall(at, part) > self.height && self.fits(at, part.min(at + 3)))
            {
                // Higher than a page: there is nothing else to do; its heading takes some of it along.
                at = self.place(at, at + 1);
            } else {
                break;
            }
        }
        at
    }

    /// The end of the group that begins at a strip: behind the first strip with no more than this glue.
    fn group(&self, at: usize, glue: Glue) -> usize {
        let rest = self.strips.get(at..).unwrap_or_default();
        rest.iter().position(|s| s.glue <= glue).map_or(self.strips.len(), |n| at + n + 1)
    }

    fn before(&self, n: usize) -> f32 {
        self.strips.get(n).map_or(0.0, |s| s.before * self.space)
    }

    fn tall(&self, from: usize, to: usize) -> f32 {
        (from..to)
            .map(|n| self.strips.get(n).map_or(0.0, |s| s.height) + if n > from { self.before(n) } else { 0.0 })
            .sum()
    }

    /// The head that a strip needs above it when it begins a page.
    fn head(&self, at: usize) -> Option<&Rc<Strip>> {
        self.strips
            .get(at)
            .and_then(|s| s.head.as_ref())
            .filter(|_| self.page.placed.is_empty() && !self.pages.is_empty())
    }

    fn fits(&self, from: usize, to: usize) -> bool {
        let gap = if self.page.placed.is_empty() { 0.0 } else { self.before(from) };
        let head = self.head(from).map_or(0.0, |h| h.height);
        self.page.used + gap + head + self.tall(from, to) <= self.height + 0.01
    }

    fn place(&mut self, from: usize, to: usize) -> usize {
        if let Some(head) = self.head(from).cloned() {
            self.page.used += head.height;
            self.page.placed.push(Placed::Head(head, 0.0));
        } else if !self.page.placed.is_empty() {
            self.page.used += self.before(from);
        }
        for n in from..to {
            if n > from {
                self.page.used += self.before(n);
            }
            self.page.placed.push(Placed::Strip(n, self.page.used));
            self.page.used += self.strips.get(n).map_or(0.0, |s| s.height);
        }
        to
    }

    fn turn(&mut self) {
        self.pages.push(std::mem::take(&mut self.page));
    }
}
