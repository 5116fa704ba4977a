//! The Merkle tree over a block's transactions (RFC 6962 shape) and its inclusion proofs.

use crate::digest::{Digest, merkle_leaf, merkle_node};
use crate::wire::{Reader, Wire, WireError, encode_list};

/// The longest path: a block has at most 2^20 transactions.
pub const MAX_PATH: usize = 20;

/// The root over `leaves`; [`Digest::ZERO`] for none.
#[must_use]
pub fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::ZERO,
        [leaf] => merkle_leaf(leaf),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            merkle_node(&root(left), &root(right))
        }
    }
}

/// The largest power of two below `n`, for n >= 2.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// Where a leaf is, and the siblings from it to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    index: u32,
    count: u32,
    siblings: Vec<Digest>,
}

impl Path {
    /// The path of `leaves[index]`; `None` if there is no such leaf.
    #[must_use]
    pub fn new(leaves: &[Digest], index: usize) -> Option<Path> {
        if index >= leaves.len() {
            return None;
        }
        let mut siblings = Vec::new();
        let (mut part, mut at) = (leaves, index);
        while part.len() > 1 {
            let (left, right) = part.split_at(split(part.len()));
            if at < left.len() {
                siblings.push(root(right));
                part = left;
            } else {
                siblings.push(root(left));
                at -= left.len();
                part = right;
            }
        }
        siblings.reverse();
        Some(Path {
            index: u32::try_from(index).ok()?,
            count: u32::try_from(leaves.len()).ok()?,
            siblings,
        })
    }

    /// The leaf's position.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// The root that `leaf` at this position leads to; `None` if the path has the wrong length.
    #[must_use]
    pub fn root(&self, leaf: &Digest) -> Option<Digest> {
        if self.index >= self.count {
            return None;
        }
        let mut sides = Vec::new();
        let (mut size, mut at) = (self.count as usize, self.index as usize);
        while size > 1 {
            let left = split(size);
            if at < left {
                sides.push(Side::Left);
                size = left;
            } else {
                sides.push(Side::Right);
                at -= left;
                size -= left;
            }
        }
        if sides.len() != self.siblings.len() {
            return None;
        }
        let start = merkle_leaf(leaf);
        Some(sides.iter().rev().zip(&self.siblings).fold(
            start,
            |node, (side, sibling)| match side {
                Side::Left => merkle_node(&node, sibling),
                Side::Right => merkle_node(sibling, &node),
            },
        ))
    }
}

enum Side {
    Left,
    Right,
}

impl Wire for Path {
    const MIN_SIZE: usize = 12;
    fn encode(&self, out: &mut Vec<u8>) {
        self.index.encode(out);
        self.count.encode(out);
        encode_list(self.siblings.iter(), out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Path {
            index: Wire::decode(r)?,
            count: Wire::decode(r)?,
            siblings: r.list("siblings", MAX_PATH)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(n: u8) -> Vec<Digest> {
        (0..n).map(|i| Digest::new([i; 32])).collect()
    }

    #[test]
    fn every_leaf_of_every_small_tree_has_a_path() {
        for n in 1..=33u8 {
            let leaves = leaves(n);
            let root = root(&leaves);
            for (i, leaf) in leaves.iter().enumerate() {
                let path = Path::new(&leaves, i).unwrap();
                assert_eq!(path.root(leaf), Some(root), "leaf {i} of {n}");
                assert_ne!(path.root(&Digest::new([99; 32])), Some(root));
                let mut moved = path.clone();
                moved.index = (moved.index + 1) % u32::from(n);
                assert!(n == 1 || moved.root(leaf) != Some(root));
                let mut longer = path.clone();
                longer.siblings.push(Digest::ZERO);
                assert_eq!(longer.root(leaf), None);
            }
            assert_eq!(Path::new(&leaves, usize::from(n)), None);
        }
    }

    #[test]
    fn a_node_is_not_a_leaf() {
        let two = leaves(2);
        let inner = root(&two);
        assert_ne!(root(&[inner]), inner);
    }
}
