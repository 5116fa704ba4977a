//! The store itself, over a directory or an S3-compatible service.

use std::io;
use std::path::Path as Folder;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};
use sha2::{Digest as _, Sha256};

use super::{ObjectDigest, StorageError};

/// Bytes of one part of an object under way.
const PART: usize = 5 << 20;
/// Parts under way at once.
const PARTS: usize = 2;

/// A store of ciphertexts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    limit: u64,
}

/// An object's bytes. Its last item is an error if they were not the object's.
pub type ObjectStream = Pin<Box<dyn Stream<Item = Result<Bytes, StorageError>> + Send>>;

impl Objects {
    /// The longest object by default: 1 GiB.
    pub const LIMIT: u64 = super::MAX_OBJECT;

    /// A store in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// [`StorageError`] if it cannot be made.
    pub fn local(folder: &Folder) -> Result<Self, StorageError> {
        std::fs::create_dir_all(folder).map_err(StorageError::Read)?;
        let store = LocalFileSystem::new_with_prefix(folder)?.with_automatic_cleanup(false);
        Ok(Self::over(Arc::new(store), Self::LIMIT))
    }

    /// A bucket of an S3-compatible service, named and opened by the usual `AWS_*` variables.
    ///
    /// # Errors
    /// [`StorageError`] if they do not suffice.
    #[cfg(feature = "s3")]
    pub fn s3(bucket: &str) -> Result<Self, StorageError> {
        let builder = object_store::aws::AmazonS3Builder::from_env().with_bucket_name(bucket);
        Ok(Self::over(Arc::new(builder.build()?), Self::LIMIT))
    }

    /// A store over any service; `limit` is the longest object it takes, in bytes.
    #[must_use]
    pub fn over(store: Arc<dyn ObjectStore>, limit: u64) -> Self {
        Self { store, limit }
    }

    /// The longest object it takes, in bytes.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    fn path(digest: ObjectDigest) -> Path {
        let name = digest.to_string();
        let shelf: String = name.chars().take(2).collect();
        Path::from_iter([shelf, name])
    }

    /// Bytes of an object; `None` if it is not here.
    ///
    /// # Errors
    /// [`StorageError::Store`].
    pub async fn size(&self, digest: ObjectDigest) -> Result<Option<u64>, StorageError> {
        match self.store.head(&Self::path(digest)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Stores an object, whole or not at all; returns its size in bytes. Storing it again changes nothing.
    ///
    /// # Errors
    /// [`StorageError::Swapped`] if the bytes are not the digest's, [`StorageError::TooLong`], or what the
    /// store or the sender reports.
    pub async fn put(
        &self,
        digest: ObjectDigest,
        mut bytes: impl Stream<Item = io::Result<Bytes>> + Unpin,
    ) -> Result<u64, StorageError> {
        let path = Self::path(digest);
        let mut hash = Sha256::new();
        let mut size = 0u64;
        let mut first = Vec::new();
        let mut upload: Option<WriteMultipart> = None;
        let mut outcome = Ok(());
        while let Some(piece) = bytes.next().await {
            outcome = match piece {
                Ok(piece) => {
                    size = size.saturating_add(piece.len() as u64);
                    hash.update(&piece);
                    match upload.as_mut() {
                        Some(upload) => {
                            upload.wait_for_capacity(PARTS).await?;
                            upload.write(&piece);
                        }
                        None => first.extend_from_slice(&piece),
                    }
                    (size <= self.limit)
                        .then_some(())
                        .ok_or(StorageError::TooLong { limit: self.limit })
                }
                Err(e) => Err(StorageError::Read(e)),
            };
            if outcome.is_err() {
                break;
            }
            if upload.is_none() && first.len() > PART {
                let begun = self.store.put_multipart(&path).await?;
                let mut begun = WriteMultipart::new_with_chunk_size(begun, PART);
                begun.write(&first);
                first = Vec::new();
                upload = Some(begun);
            }
        }
        let found = ObjectDigest::new(hash.finalize().into());
        if outcome.is_ok() && found != digest {
            outcome = Err(StorageError::Swapped {
                expected: digest,
                found,
            });
        }
        match (outcome, upload) {
            (Ok(()), None) => drop(self.store.put(&path, PutPayload::from(first)).await?),
            (Ok(()), Some(upload)) => drop(upload.finish().await?),
            (Err(e), upload) => {
                if let Some(upload) = upload {
                    upload.abort().await?;
                }
                return Err(e);
            }
        }
        Ok(size)
    }

    /// Reads an object: its size, and its bytes as they come. What is not the object ends in
    /// [`StorageError::Swapped`] in place of its last piece.
    ///
    /// # Errors
    /// [`StorageError::Missing`], or what the store reports.
    pub async fn get(&self, digest: ObjectDigest) -> Result<(u64, ObjectStream), StorageError> {
        let found = match self.store.get(&Self::path(digest)).await {
            Err(object_store::Error::NotFound { .. }) => Err(StorageError::Missing(digest)),
            other => other.map_err(Into::into),
        }?;
        let size = found.meta.size;
        let reading = Reading {
            bytes: found.into_stream().boxed(),
            hash: Some(Sha256::new()),
            held: None,
            digest,
        };
        let pieces = stream::unfold(reading, |mut reading| async move {
            let piece = reading.next().await?;
            Some((piece, reading))
        });
        Ok((size, pieces.boxed()))
    }

    /// Forgets an object, as after a record was sealed anew under another label.
    ///
    /// # Errors
    /// [`StorageError::Missing`], or what the store reports.
    pub async fn drop_object(&self, digest: ObjectDigest) -> Result<(), StorageError> {
        match self.store.delete(&Self::path(digest)).await {
            Err(object_store::Error::NotFound { .. }) => Err(StorageError::Missing(digest)),
            other => other.map_err(Into::into),
        }
    }
}

/// Reads one piece ahead, so that the last is kept back until the digest is known.
struct Reading {
    bytes: stream::BoxStream<'static, object_store::Result<Bytes>>,
    /// None when all was said.
    hash: Option<Sha256>,
    held: Option<Bytes>,
    digest: ObjectDigest,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Bytes, StorageError>> {
        loop {
            let hash = self.hash.as_mut()?;
            match self.bytes.next().await {
                Some(Ok(piece)) => {
                    hash.update(&piece);
                    if let Some(ready) = self.held.replace(piece) {
                        return Some(Ok(ready));
                    }
                }
                Some(Err(e)) => {
                    self.hash = None;
                    return Some(Err(e.into()));
                }
                None => {
                    let hash = self.hash.take()?;
                    let found = ObjectDigest::new(hash.finalize().into());
                    if found == self.digest {
                        return self.held.take().map(Ok);
                    }
                    return Some(Err(StorageError::Swapped {
                        expected: self.digest,
                        found,
                    }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::ObjectDigestError;
    use super::*;

    fn wait<T>(doing: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(1).enable_all().build();
        runtime.unwrap().block_on(doing)
    }

    fn pieces(bytes: &[u8], size: usize) -> impl Stream<Item = io::Result<Bytes>> + Unpin {
        let pieces: Vec<_> = bytes.chunks(size).map(Bytes::copy_from_slice).collect();
        stream::iter(pieces.into_iter().map(Ok))
    }

    async fn read(objects: &Objects, digest: ObjectDigest) -> Result<Vec<u8>, StorageError> {
        let mut all = Vec::new();
        let mut stream = objects.get(digest).await?.1;
        while let Some(piece) = stream.next().await {
            all.extend_from_slice(&piece?);
        }
        Ok(all)
    }

    fn files(folder: &Folder) -> usize {
        let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
        entries
            .map(|e| match e.file_type().unwrap().is_dir() {
                true => files(&e.path()),
                false => 1,
            })
            .sum()
    }

    #[test]
    fn objects_of_every_size_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(folder.path()).unwrap();
        for size in [0usize, 1, 1000, PART + 1, 3 * PART + 17] {
            let bytes: Vec<u8> = (0..size).map(|i| (i % 253) as u8).collect();
            let digest = ObjectDigest::of(&bytes);
            wait(async {
                assert_eq!(objects.size(digest).await.unwrap(), None);
                for _ in 0..2 {
                    let stored = objects.put(digest, pieces(&bytes, 60_000)).await.unwrap();
                    assert_eq!(stored, size as u64);
                }
                assert!(read(&objects, digest).await.unwrap() == bytes);
                assert_eq!(objects.size(digest).await.unwrap(), Some(size as u64));
            });
        }
    }

    #[test]
    fn bytes_of_another_object_are_not_stored() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(folder.path()).unwrap();
        let digest = ObjectDigest::of(b"record");
        for size in [7, 2 * PART] {
            let bytes = vec![1; size];
            let refused = wait(objects.put(digest, pieces(&bytes, 100_000)));
            assert!(matches!(refused, Err(StorageError::Swapped { .. })));
        }
        let cut = stream::iter([
            Ok(Bytes::from_static(b"rec")),
            Err(io::Error::other("gone")),
        ]);
        let refused = wait(objects.put(digest, cut));
        assert!(matches!(refused, Err(StorageError::Read(_))));
        assert!(matches!(
            wait(read(&objects, digest)),
            Err(StorageError::Missing(_))
        ));
        assert_eq!(files(folder.path()), 0);
    }

    #[test]
    fn swapped_bytes_are_noticed_before_the_last_piece() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(folder.path()).unwrap();
        let bytes = vec![7; 100_000];
        let digest = ObjectDigest::of(&bytes);
        wait(objects.put(digest, pieces(&bytes, 9_999))).unwrap();
        let name = digest.to_string();
        let file = folder.path().join(&name[..2]).join(&name);
        let mut other = bytes.clone();
        other[50_000] ^= 1;
        for swapped in [other, bytes[..99_999].to_vec(), Vec::new()] {
            std::fs::write(&file, &swapped).unwrap();
            let refused = wait(read(&objects, digest));
            assert!(matches!(refused, Err(StorageError::Swapped { .. })));
        }
    }

    #[test]
    fn an_object_over_the_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(folder.path()).unwrap();
        let objects = Objects::over(objects.store, 99);
        let bytes = vec![7; 100];
        let refused = wait(objects.put(ObjectDigest::of(&bytes), pieces(&bytes, 64)));
        assert!(matches!(refused, Err(StorageError::TooLong { limit: 99 })));
        assert_eq!(files(folder.path()), 0);
    }

    #[test]
    fn a_digest_has_one_spelling() {
        let digest = ObjectDigest::of(b"x");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        for other in [
            digest.to_string().to_uppercase(),
            "../../etc/passwd".into(),
            digest.to_string() + "0",
        ] {
            assert_eq!(other.parse::<ObjectDigest>(), Err(ObjectDigestError));
        }
    }
}
