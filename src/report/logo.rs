//! A logo that a person named: read whole, checked, and turned into a PNG once, before anything is written.

use std::sync::Arc;

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{self, ImageHrefResolver, Tree},
};

use super::{Logo, charts};

/// The widest or highest picture of pixels.
const MOST_PIXELS: u32 = 4096;
/// The box in pixels into which shapes are drawn for paper: sharp at the size a logo has there.
const DRAWN: (f32, f32) = (1200.0, 400.0);

/// Why a logo cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogoError {
    /// It is neither kind of picture.
    #[error("it is neither a PNG nor an SVG")]
    Kind,
    /// It is too large.
    #[error("it is too large: at most {MOST_PIXELS} pixels a side and 2 MB")]
    Large,
    /// It is broken.
    #[error("it is broken: {0}")]
    Broken(String),
}

impl Logo {
    /// The largest file, in bytes.
    pub const LARGEST: u64 = 2 << 20;

    /// A logo from the content of its file, PNG or SVG. Nothing that an SVG refers to is read.
    ///
    /// # Errors
    /// When it is another kind of file, broken, or too large.
    pub fn new(bytes: Vec<u8>) -> Result<Self, LogoError> {
        if bytes.len() as u64 > Logo::LARGEST {
            return Err(LogoError::Large);
        }
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            // The sizes stand at a fixed place in front, so a huge picture is refused before it is unpacked.
            let side = |at: usize| {
                let field = bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes);
                field.ok_or_else(|| LogoError::Broken("it is cut off".to_owned()))
            };
            if side(16)?.max(side(20)?) > MOST_PIXELS {
                return Err(LogoError::Large);
            }
            let picture = Pixmap::decode_png(&bytes).map_err(|e| LogoError::Broken(e.to_string()))?;
            return Logo::drawn("image/png", bytes, &picture);
        }
        if !bytes.windows(4).any(|w| w == b"<svg") {
            return Err(LogoError::Kind);
        }
        let options = usvg::Options {
            fontdb: charts::fonts(),
            font_family: "Inter".to_owned(),
            image_href_resolver: ImageHrefResolver {
                resolve_data: Box::new(|_, _: Arc<Vec<u8>>, _| None),
                resolve_string: Box::new(|_, _| None),
            },
            ..Default::default()
        };
        let tree = Tree::from_data(&bytes, &options).map_err(|e| LogoError::Broken(e.to_string()))?;
        let (width, height) = (tree.size().width(), tree.size().height());
        if width.max(height) > MOST_PIXELS as f32 {
            return Err(LogoError::Large);
        }
        let scale = (DRAWN.0 / width).min(DRAWN.1 / height);
        let whole = |side: f32| (side * scale).ceil().max(1.0) as u32;
        let mut picture = Pixmap::new(whole(width), whole(height)).ok_or(LogoError::Large)?;
        resvg::render(&tree, Transform::from_scale(scale, scale), &mut picture.as_mut());
        Logo::drawn("image/svg+xml", bytes, &picture)
    }

    fn drawn(mime: &'static str, bytes: Vec<u8>, picture: &Pixmap) -> Result<Self, LogoError> {
        let png = picture.encode_png().map_err(|e| LogoError::Broken(e.to_string()))?;
        Ok(Logo { mime, bytes, png, size: (picture.width(), picture.height()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(inner: &str) -> Vec<u8> {
        format!("<svg xmlns='http://www.w3.org/2000/svg' width='80' height='20'>{inner}</svg>").into_bytes()
    }

    #[test]
    fn shapes_become_a_sharp_picture_and_stay_shapes_on_a_page() {
        let logo = Logo::new(svg("<rect width='80' height='20' fill='red'/>")).unwrap();
        assert_eq!((logo.mime, logo.size), ("image/svg+xml", (1200, 300)));
        let again = Logo::new(logo.png.clone()).unwrap();
        assert_eq!((again.mime, again.size, again.bytes), ("image/png", (1200, 300), logo.png));
    }

    #[test]
    fn what_a_drawing_refers_to_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join("secret.svg");
        std::fs::write(&secret, svg("<rect width='80' height='20'/>")).unwrap();
        let link = format!("<image width='80' height='20' href='{}'/>", secret.display());
        let blank = Logo::new(svg("")).unwrap();
        assert_eq!(Logo::new(svg(&link)).unwrap().png, blank.png);
    }

    #[test]
    fn other_files_broken_ones_and_huge_ones_are_refused() {
        assert_eq!(Logo::new(b"GIF89a".to_vec()), Err(LogoError::Kind));
        assert_eq!(Logo::new(Vec::new()), Err(LogoError::Kind));
        assert!(matches!(Logo::new(b"\x89PNG\r\n\x1a\n1234".to_vec()), Err(LogoError::Broken(_))));
        assert!(matches!(Logo::new(b"<svg".to_vec()), Err(LogoError::Broken(_))));
        let mut wide = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        wide.extend([0, 1, 0, 0, 0, 0, 0, 1, 8, 6, 0, 0, 0]);
        assert_eq!(Logo::new(wide), Err(LogoError::Large));
        let wide = "<svg xmlns='http://www.w3.org/2000/svg' width='1e9' height='9'/>";
        assert_eq!(Logo::new(wide.into()), Err(LogoError::Large));
    }
}
