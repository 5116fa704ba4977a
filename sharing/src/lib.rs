//! Part of Eligo.
