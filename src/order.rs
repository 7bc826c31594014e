//! Ordenar, con un solo algoritmo para todos los tipos.
//!
//! La biblioteca de Rust copia el suyo entero, unos 4 kB, por cada tipo y cada criterio con que se ordena:
//! treinta copias son más que toda la red de los Pods. Aquí se ordenan posiciones, siempre con el mismo
//! código, y después se mueve cada cosa a la suya. Es estable, como `slice::sort`.

use std::cmp::Ordering;

pub fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, |a, b| a.cmp(b));
}

pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |a, b| key(a).cmp(&key(b)));
}

pub fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let order = positions(items.len(), &|a, b| compare(&items[a], &items[b]));
    for to in 0..items.len() {
        // quien iba ahí puede haberse movido ya, al dejar su sitio a otro
        let mut from = order[to];
        while from < to {
            from = order[from];
        }
        items.swap(to, from);
    }
}

/// Qué posición ocupaba el que va primero, el segundo…
fn positions(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| compare(*a, *b));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn se_ordena_igual_que_en_la_biblioteca_y_los_iguales_no_cambian_de_orden() {
        // una sucesión desordenada que se repite siempre igual
        let mut seed = 7u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12345);
            (seed >> 16) as u8 % 10
        };
        for count in 0..60 {
            let mut ours: Vec<(u8, usize)> = (0..count).map(|i| (next(), i)).collect();
            let mut theirs = ours.clone();
            sort_by_key(&mut ours, |(key, _)| *key);
            theirs.sort_by_key(|(key, _)| *key);
            assert_eq!(ours, theirs);
            let mut words: Vec<String> = ours.iter().rev().map(|pair| format!("{pair:?}")).collect();
            sort(&mut words);
            assert!(words.is_sorted());
        }
    }
}
