//! Serialises a path as text, or as bytes if it is not UTF-8. For `#[serde(with = …)]`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum PathRepr {
    Text(PathBuf),
    Bytes(Vec<u8>),
}

pub(super) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    match path.to_str() {
        Some(text) => text.serialize(to),
        None => path.as_os_str().as_bytes().serialize(to),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    Ok(match PathRepr::deserialize(from)? {
        PathRepr::Text(path) => path,
        PathRepr::Bytes(bytes) => OsString::from_vec(bytes).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Record {
        #[serde(with = "super")]
        path: PathBuf,
    }

    #[test]
    fn every_path_comes_back_as_it_was() {
        for bytes in [&b"/plain"[..], b"/\xff\xfe/x", b""] {
            let path = PathBuf::from(OsString::from_vec(bytes.to_vec()));
            let text = serde_json::to_string(&Record { path: path.clone() }).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&text).unwrap().path, path, "{text}");
        }
        let text = r#"{"path":"/plain"}"#;
        assert_eq!(serde_json::from_str::<Record>(text).unwrap().path, Path::new("/plain"));
    }
}
