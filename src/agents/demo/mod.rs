//! The bundled scripted agent: adapter and program.
