//! `micropod image`: construir, importar, listar y borrar imágenes.

use crate::error::Error;
use crate::image::{self, Store, human_size};
use crate::state;
use std::path::Path;
use std::time::Duration;

/// `micropod image build RECETA [--name NOMBRE]`
pub fn build(recipe: &Path, name: Option<&str>) -> Result<(), Error> {
    let image = image::build(recipe, name)?;
    println!("image/{} built", image.name);
    Ok(())
}

/// `micropod image import NOMBRE FICHERO`
pub fn import(name: &str, file: &Path) -> Result<(), Error> {
    let image = image::import(name, file)?;
    println!("image/{} imported", image.name);
    Ok(())
}

/// `micropod image ls [-o name]`
pub fn ls(output: Option<&str>) -> Result<(), Error> {
    let store = Store::local();
    store.check_readable()?;
    store.sweep();
    let images = image::list();
    match output {
        Some("name") => images.iter().for_each(|image| println!("image/{}", image.name)),
        Some(other) => {
            return Err(Error::usage(format!("formato de salida desconocido: «{other}»"))
                .with_hint("el único formato de `image ls -o` es name"));
        }
        None if images.is_empty() => {
            eprintln!("No hay imágenes. Crea una con: sudo micropod image build nginx");
        }
        None => table(&images),
    }
    Ok(())
}

/// `micropod image rm NOMBRE...`: intenta todas, y falla si falla alguna.
pub fn rm(names: &[String]) -> Result<(), Error> {
    let mut failed = None;
    for name in names {
        match image::remove(name) {
            Ok(()) => println!("image \"{name}\" deleted"),
            Err(e) => {
                // el último error lo imprime `main`; los anteriores, aquí
                if let Some(previous) = failed.replace(e) {
                    eprintln!("{previous}");
                }
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Columnas como las de kubectl: tres espacios entre la más ancha y la siguiente.
fn table(images: &[image::Image]) {
    let rows: Vec<[String; 3]> = images
        .iter()
        .map(|i| {
            let age = Duration::from_millis(state::unix_millis().saturating_sub(i.created));
            [i.name.clone(), human_size(i.size), human_age(age)]
        })
        .collect();
    let widest = |column: usize, title: &str| {
        rows.iter().map(|row| row[column].len()).chain([title.len()]).max().unwrap_or_default() + 3
    };
    let (name, size) = (widest(0, "NAME"), widest(1, "SIZE"));
    println!("{:name$}{:size$}CREATED", "NAME", "SIZE");
    for [a, b, c] in &rows {
        println!("{a:name$}{b:size$}{c}");
    }
}

/// La edad, como la escribe kubectl, a grandes rasgos.
fn human_age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
