//! The tree of accepted issuers: eight children a node, of fixed depth.
//!
//! Leaf `P(4, A.x, A.y)` with circomlib's coordinates, node `P(10, 8 children)`, empty places 0.
//! With depth 0 the root is the one issuer's leaf.

use alloc::vec::Vec;

use ark_bn254::Fr;

use crate::{
    hash::{Domain, poseidon},
    statement::IssuersRoot,
};

/// Children of a node.
pub const ARITY: usize = 8;
/// Deepest tree: 8^6 issuers.
pub const MAX_DEPTH: usize = 6;

/// Why there is no such tree or path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuersError {
    /// Deeper than [`MAX_DEPTH`].
    #[error("a tree of depth {0}; at most 6 is possible")]
    Depth(usize),
    /// No issuer at all.
    #[error("a requirement needs at least one accepted issuer")]
    None,
    /// More issuers than places.
    #[error("{count} issuers in a tree of {places} places")]
    TooMany {
        /// Issuers given.
        count: usize,
        /// Places at this depth.
        places: usize,
    },
    /// The same key twice.
    #[error("issuers {first} and {second} have the same key")]
    Twice {
        /// Position of one.
        first: usize,
        /// Position of the other.
        second: usize,
    },
    /// Not in the tree.
    #[error("there is no issuer at position {0}")]
    Absent(usize),
}

/// The leaf of an issuer's public key, in circomlib's coordinates.
pub fn issuer_leaf(x: Fr, y: Fr) -> Fr {
    poseidon(Domain::IssuerLeaf, [x, y])
}

/// Accepted issuers, in order, and all nodes above them.
#[derive(Clone, Debug)]
pub struct IssuerTree {
    count: usize,
    /// Level 0 is the leaves, padded with 0; the last level is the root alone.
    levels: Vec<Vec<Fr>>,
}

/// Where an issuer is in the tree, with the siblings on the way up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerPath {
    /// Position among its parent's children, 0 to 7, at every level, leaves first.
    pub positions: Vec<u8>,
    /// All eight children at every level, leaves first.
    pub children: Vec<[Fr; ARITY]>,
}

impl IssuerTree {
    /// The tree of fixed `depth` over the leaves, in their order.
    pub fn new(leaves: &[Fr], depth: usize) -> Result<Self, IssuersError> {
        if depth > MAX_DEPTH {
            return Err(IssuersError::Depth(depth));
        }
        let places = 1 << (3 * depth);
        if leaves.is_empty() {
            return Err(IssuersError::None);
        }
        if leaves.len() > places {
            let count = leaves.len();
            return Err(IssuersError::TooMany { count, places });
        }
        refuse_twins(leaves)?;
        let mut levels = alloc::vec![leaves.to_vec()];
        let mut empty = Fr::default();
        for _ in 0..depth {
            let below = levels.last().map(Vec::as_slice).unwrap_or_default();
            let above = below
                .chunks(ARITY)
                .map(|c| node(&padded(c, empty)))
                .collect();
            empty = node(&[empty; ARITY]);
            levels.push(above);
        }
        let count = leaves.len();
        Ok(Self { count, levels })
    }

    /// The least depth with places for `count` issuers.
    pub fn depth_for(count: usize) -> usize {
        (0..=MAX_DEPTH)
            .find(|depth| count <= 1 << (3 * depth))
            .unwrap_or(MAX_DEPTH)
    }

    /// Levels above the leaves.
    pub fn depth(&self) -> usize {
        self.levels.len() - 1
    }

    /// The root.
    pub fn root(&self) -> IssuersRoot {
        let root = self.levels.last().and_then(|level| level.first());
        IssuersRoot::from_field(root.copied().unwrap_or_default())
    }

    /// Position of a leaf.
    pub fn position(&self, leaf: Fr) -> Option<usize> {
        self.levels.first()?.iter().position(|l| *l == leaf)
    }

    /// The path of the issuer at a position.
    pub fn path(&self, position: usize) -> Result<IssuerPath, IssuersError> {
        if position >= self.count {
            return Err(IssuersError::Absent(position));
        }
        let (mut positions, mut children) = (Vec::new(), Vec::new());
        let (mut at, mut empty) = (position, Fr::default());
        for level in self.levels.iter().take(self.depth()) {
            let first = at - at % ARITY;
            let siblings = level.iter().skip(first).take(ARITY).copied();
            children.push(padded(&siblings.collect::<Vec<_>>(), empty));
            positions.push((at % ARITY) as u8);
            empty = node(&[empty; ARITY]);
            at /= ARITY;
        }
        Ok(IssuerPath {
            positions,
            children,
        })
    }
}

impl IssuerPath {
    /// The root that this path leads to from `leaf`, or `None` where the leaf or a node is not
    /// among its parent's children.
    pub fn root(&self, leaf: Fr) -> Option<IssuersRoot> {
        if self.positions.len() != self.children.len() {
            return None;
        }
        let mut at = leaf;
        for (position, children) in self.positions.iter().zip(&self.children) {
            if children.get(usize::from(*position)) != Some(&at) {
                return None;
            }
            at = node(children);
        }
        Some(IssuersRoot::from_field(at))
    }
}

fn node(children: &[Fr; ARITY]) -> Fr {
    poseidon(Domain::IssuerNode, *children)
}

fn padded(children: &[Fr], empty: Fr) -> [Fr; ARITY] {
    let mut all = [empty; ARITY];
    for (place, child) in all.iter_mut().zip(children) {
        *place = *child;
    }
    all
}

fn refuse_twins(leaves: &[Fr]) -> Result<(), IssuersError> {
    let mut order: Vec<usize> = (0..leaves.len()).collect();
    order.sort_by_key(|i| leaves[*i]);
    match order.windows(2).find(|w| leaves[w[0]] == leaves[w[1]]) {
        Some(w) => Err(IssuersError::Twice {
            first: w[0],
            second: w[1],
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(n: u64) -> Vec<Fr> {
        (1..=n)
            .map(|i| issuer_leaf(Fr::from(i), Fr::from(i + 1)))
            .collect()
    }

    #[test]
    fn depth_zero_is_the_leaf() {
        let tree = IssuerTree::new(&leaves(1), 0).unwrap();
        assert_eq!(tree.root().to_field(), leaves(1)[0]);
        let path = tree.path(0).unwrap();
        assert!(path.positions.is_empty());
        assert_eq!(path.root(leaves(1)[0]), Some(tree.root()));
    }

    #[test]
    fn depth_one_is_one_node() {
        let leaves = leaves(3);
        let tree = IssuerTree::new(&leaves, 1).unwrap();
        let z = Fr::default();
        let all = [leaves[0], leaves[1], leaves[2], z, z, z, z, z];
        assert_eq!(tree.root().to_field(), poseidon(Domain::IssuerNode, all));
    }

    #[test]
    fn paths_lead_to_the_root() {
        let leaves = leaves(20);
        for depth in 2..=3 {
            let tree = IssuerTree::new(&leaves, depth).unwrap();
            for (i, leaf) in leaves.iter().enumerate() {
                let path = tree.path(i).unwrap();
                assert_eq!(path.positions.len(), depth);
                assert_eq!(path.root(*leaf), Some(tree.root()));
                assert_eq!(path.root(*leaf + Fr::from(1)), None);
                assert_eq!(tree.position(*leaf), Some(i));
            }
            let mut bent = tree.path(9).unwrap();
            bent.children[1][3] += Fr::from(1);
            assert_ne!(bent.root(leaves[9]), Some(tree.root()));
            bent.positions[0] = 8;
            assert_eq!(bent.root(leaves[9]), None);
        }
    }

    #[test]
    fn padding_equals_explicit_zeros() {
        // A full tree whose other places hold 0 has the same root as the padded one.
        let tree = IssuerTree::new(&leaves(9), 2).unwrap();
        let mut all = leaves(9);
        all.resize(64, Fr::default());
        let nodes: Vec<Fr> = all
            .chunks(8)
            .map(|c| node(&c.try_into().unwrap()))
            .collect();
        assert_eq!(tree.root().to_field(), node(&nodes.try_into().unwrap()));
    }

    #[test]
    fn refused() {
        let twice = [leaves(1)[0]; 2];
        assert!(matches!(IssuerTree::new(&[], 1), Err(IssuersError::None)));
        assert!(matches!(
            IssuerTree::new(&leaves(2), 0),
            Err(IssuersError::TooMany { .. })
        ));
        assert!(matches!(
            IssuerTree::new(&leaves(1), 7),
            Err(IssuersError::Depth(7))
        ));
        assert!(matches!(
            IssuerTree::new(&twice, 1),
            Err(IssuersError::Twice { .. })
        ));
        let tree = IssuerTree::new(&leaves(2), 1).unwrap();
        assert_eq!(tree.path(2), Err(IssuersError::Absent(2)));
        assert_eq!(
            [1, 2, 8, 9, 64, 65].map(IssuerTree::depth_for),
            [0, 1, 1, 2, 2, 3]
        );
    }
}
