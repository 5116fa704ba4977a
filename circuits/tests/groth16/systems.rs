//! Satisfied constraint systems of the shapes that circuits have.

#![allow(dead_code)]

use ark_bn254::{Fq2, Fr, G2Affine};
use ark_ff::{AdditiveGroup, Field, One, UniformRand, Zero};
use eligo_circuits::r1cs::{Matrix, R1cs};
use rand_chacha::{ChaCha20Rng, rand_core::RngCore};

/// A system under construction, its witness columns made as they are needed.
pub struct Builder {
    a: Matrix,
    b: Matrix,
    c: Matrix,
    z: Vec<Fr>,
    instance: u32,
}

pub type Row = Vec<(u32, Fr)>;

impl Builder {
    pub fn new(inputs: &[Fr]) -> Self {
        let mut z = vec![Fr::one()];
        z.extend_from_slice(inputs);
        Self {
            a: Matrix::empty(),
            b: Matrix::empty(),
            c: Matrix::empty(),
            instance: z.len() as u32,
            z,
        }
    }

    pub fn witness(&mut self, value: Fr) -> u32 {
        self.z.push(value);
        self.z.len() as u32 - 1
    }

    pub fn value(&self, row: &Row) -> Fr {
        row.iter().map(|(k, v)| self.z[*k as usize] * v).sum()
    }

    pub fn enforce(&mut self, a: Row, b: Row, c: Row) {
        self.a.push_row(a);
        self.b.push_row(b);
        self.c.push_row(c);
    }

    pub fn multiply(&mut self, a: Row, b: Row) -> u32 {
        let product = self.value(&a) * self.value(&b);
        let column = self.witness(product);
        self.enforce(a, b, vec![(column, Fr::one())]);
        column
    }

    pub fn finish(self) -> (R1cs, Vec<Fr>) {
        let system = R1cs {
            instance: self.instance,
            witness: self.z.len() as u32 - self.instance,
            a: self.a,
            b: self.b,
            c: self.c,
        };
        (system, self.z)
    }
}

/// x -> (x + i)^5, `length` times, three constraints each; the end is public.
pub fn chain(length: usize, rng: &mut ChaCha20Rng) -> (R1cs, Vec<Fr>) {
    let start = Fr::rand(rng);
    let end = (0..length).fold(start, |x, i| (x + Fr::from(i as u64)).pow([5]));
    let mut builder = Builder::new(&[end]);
    let mut x = builder.witness(start);
    for i in 0..length {
        let sum = vec![(x, Fr::one()), (0, Fr::from(i as u64))];
        let square = builder.multiply(sum.clone(), sum.clone());
        let fourth = builder.multiply(vec![(square, Fr::one())], vec![(square, Fr::one())]);
        x = builder.multiply(vec![(fourth, Fr::one())], sum);
    }
    builder.enforce(
        vec![(x, Fr::one())],
        vec![(0, Fr::one())],
        vec![(1, Fr::one())],
    );
    builder.finish()
}

/// `words` packed elements, each the sum of 248 bits (one dense row), and the sum of all public.
pub fn bits(words: usize, rng: &mut ChaCha20Rng) -> (R1cs, Vec<Fr>) {
    let values: Vec<Vec<bool>> = (0..words)
        .map(|_| (0..248).map(|_| rng.next_u32() & 1 == 1).collect())
        .collect();
    let pack = |bits: &Vec<bool>| {
        bits.iter().rev().fold(Fr::zero(), |sum, bit| {
            sum.double() + if *bit { Fr::one() } else { Fr::zero() }
        })
    };
    let total: Fr = values.iter().map(pack).sum();
    let mut builder = Builder::new(&[total]);
    let mut sum = Vec::new();
    for word in &values {
        let element = builder.witness(pack(word));
        let mut row = Vec::new();
        let mut weight = Fr::one();
        for bit in word {
            let column = builder.witness(Fr::from(u64::from(*bit)));
            builder.enforce(
                vec![(column, Fr::one())],
                vec![(column, Fr::one()), (0, -Fr::one())],
                Vec::new(),
            );
            row.push((column, weight));
            weight.double_in_place();
        }
        builder.enforce(row, vec![(0, Fr::one())], vec![(element, Fr::one())]);
        sum.push((element, Fr::one()));
    }
    builder.enforce(sum, vec![(0, Fr::one())], vec![(1, Fr::one())]);
    builder.finish()
}

/// Products of random sparse combinations, some values small, some columns in few matrices; two inputs.
pub fn random(rows: usize, rng: &mut ChaCha20Rng) -> (R1cs, Vec<Fr>) {
    let mut builder = Builder::new(&[Fr::rand(rng), Fr::from(rng.next_u32() % 3)]);
    builder.witness(Fr::zero());
    builder.witness(Fr::from(rng.next_u32()));
    for i in 0..rows {
        let mut combination = |builder: &mut Builder| -> Row {
            let columns = builder.z.len() as u32;
            let mut row: Row = (0..1 + rng.next_u32() % 5)
                .map(|_| {
                    let value = match rng.next_u32() % 4 {
                        0 => Fr::one(),
                        1 => -Fr::one(),
                        2 => Fr::from(rng.next_u32()),
                        _ => Fr::rand(rng),
                    };
                    (rng.next_u32() % columns, value)
                })
                .collect();
            row.push((1 + i as u32 % 2, Fr::one()));
            row
        };
        let (a, b) = (combination(&mut builder), combination(&mut builder));
        let product = builder.multiply(a, b);
        builder.enforce(
            vec![(product, Fr::from(3u64))],
            vec![(0, Fr::one())],
            vec![(product, Fr::from(3u64))],
        );
    }
    builder.finish()
}

/// A point of the twist outside G2, as it stands in a key file.
pub fn twist_point_outside_the_subgroup() -> Vec<u8> {
    let point = (1u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::from(x), true))
        .find(|p| !p.is_in_correct_subgroup_assuming_on_curve())
        .unwrap();
    [point.x.c0, point.x.c1, point.y.c0, point.y.c1]
        .iter()
        .flat_map(|part| part.0.0)
        .flat_map(u64::to_le_bytes)
        .collect()
}
