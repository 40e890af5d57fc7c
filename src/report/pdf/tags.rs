//! The structure of the document beside its look: what is a heading, a list, a table, for screen readers.

/// What an element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Document,
    Sect,
    H1,
    H2,
    H3,
    P,
    Span,
    Link,
    L,
    LI,
    Lbl,
    LBody,
    Table,
    TR,
    /// Head of a column.
    TH,
    /// Head of a row.
    RowHead,
    TD,
    Figure,
}

impl Role {
    /// Its name in the file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Role::Document => "Document",
            Role::Sect => "Sect",
            Role::H1 => "H1",
            Role::H2 => "H2",
            Role::H3 => "H3",
            Role::P => "P",
            Role::Span => "Span",
            Role::Link => "Link",
            Role::L => "L",
            Role::LI => "LI",
            Role::Lbl => "Lbl",
            Role::LBody => "LBody",
            Role::Table => "Table",
            Role::TR => "TR",
            Role::TH | Role::RowHead => "TH",
            Role::TD => "TD",
            Role::Figure => "Figure",
        }
    }
}

/// Number of an element; 0 is no element: decoration, which readers pass over.
pub(super) type Tag = u32;
/// No element.
pub(super) const ARTIFACT: Tag = 0;

/// What an element holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kid {
    Element(Tag),
    /// Marked content: page and number on it.
    Content(u32, u32),
    /// A link's annotation, by its number in the document.
    Annotation(u32),
}

/// An element.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) role: Role,
    pub(super) parent: Tag,
    pub(super) kids: Vec<Kid>,
    /// Alternative text.
    pub(super) alt: Option<Box<str>>,
    /// Where a figure stands on its page: left, bottom, right, top.
    pub(super) place: Option<[f32; 4]>,
}

/// All elements.
#[derive(Debug)]
pub(super) struct Tags {
    all: Vec<Element>,
}

/// The document itself.
pub(super) const ROOT: Tag = 1;

impl Tags {
    pub(super) fn new() -> Self {
        let element = |role| Element { role, parent: 0, kids: Vec::new(), alt: None, place: None };
        // The first stands for no element, so that a number is also a place in the list.
        Tags { all: vec![element(Role::Document), element(Role::Document)] }
    }

    /// A new element below another.
    pub(super) fn add(&mut self, parent: Tag, role: Role) -> Tag {
        let tag = Tag::try_from(self.all.len()).unwrap_or(ARTIFACT);
        self.all.push(Element { role, parent, kids: Vec::new(), alt: None, place: None });
        self.kid(parent, Kid::Element(tag));
        tag
    }

    pub(super) fn kid(&mut self, tag: Tag, kid: Kid) {
        if let Some(element) = self.get_mut(tag) {
            element.kids.push(kid);
        }
    }

    pub(super) fn get(&self, tag: Tag) -> Option<&Element> {
        self.all.get(tag as usize)
    }

    pub(super) fn get_mut(&mut self, tag: Tag) -> Option<&mut Element> {
        self.all.get_mut(tag as usize)
    }

    /// All elements with their numbers, the document first.
    pub(super) fn all(&self) -> impl Iterator<Item = (Tag, &Element)> {
        (0..).zip(&self.all).skip(1)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len().saturating_sub(1)
    }
}
