//! The logo: read from a PNG and written into the file.

use resvg::tiny_skia::Pixmap;

use super::{
    PdfError,
    file::{File, Id},
};

/// A picture with its colours and, where it has one, its transparency.
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Three bytes a pixel.
    colours: Vec<u8>,
    /// One byte a pixel.
    opacity: Option<Vec<u8>>,
}

impl Picture {
    /// Reads a PNG.
    pub(super) fn png(data: &[u8]) -> Result<Self, PdfError> {
        let picture = Pixmap::decode_png(data).map_err(|e| PdfError::Logo(e.to_string()))?;
        let pixels: Vec<_> = picture.pixels().iter().map(|p| p.demultiply()).collect();
        let opacity = pixels.iter().any(|p| p.alpha() < 255).then(|| pixels.iter().map(|p| p.alpha()).collect());
        let colours = pixels.iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
        Ok(Picture { width: picture.width(), height: picture.height(), colours, opacity })
    }

    pub(super) fn write(&self, file: &mut File) -> Id {
        let size =
            format!("/Type/XObject/Subtype/Image/Width {}/Height {}/BitsPerComponent 8", self.width, self.height);
        let mask = self.opacity.as_ref().map(|o| file.stream(&format!("{size}/ColorSpace/DeviceGray"), o));
        let mask = mask.map(|id| format!("/SMask {id} 0 R")).unwrap_or_default();
        file.stream(&format!("{size}/ColorSpace/DeviceRGB{mask}"), &self.colours)
    }
}
