//! Un comando de shell, escrito como se vería al teclearlo: `$` donde empieza una orden y `>` donde
//! la shell aún espera que acabe.

/// Las líneas de `script`, cada una con lo que la shell pone delante.
pub fn lines(script: &str) -> impl Iterator<Item = (char, &str)> {
    let mut open = Open::Nothing;
    script.lines().map(move |line| {
        let prompt = if matches!(open, Open::Nothing) { '$' } else { '>' };
        open = open.after(line);
        (prompt, line)
    })
}

/// Lo que falta por cerrar al acabar una línea.
enum Open<'a> {
    Nothing,
    /// Unas comillas.
    Quote(char),
    /// Un documento que acaba en la línea que diga eso (`<<'FIN'`).
    Document(&'a str),
    /// La línea acababa en `\`.
    Line,
}

impl<'a> Open<'a> {
    fn after(&self, line: &'a str) -> Open<'a> {
        match self {
            Open::Document(end) if line == *end => Open::Nothing,
            Open::Document(end) => Open::Document(end),
            Open::Nothing | Open::Line => scan(line, None),
            Open::Quote(quote) => scan(line, Some(*quote)),
        }
    }
}

fn scan(line: &str, mut quote: Option<char>) -> Open<'_> {
    let mut letters = line.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), _) => {}
            // la barra se lleva lo que tenga detrás; si es el final, la orden sigue abajo
            (_, '\\') => {
                let last = letters.next().is_none();
                if last && quote.is_none() {
                    return Open::Line;
                }
            }
            (None, '\'' | '"') => quote = Some(letter),
            (None, '<') if line[at..].starts_with("<<'") => {
                let end = line[at + 3..].split('\'').next().unwrap_or_default();
                return Open::Document(end);
            }
            _ => {}
        }
    }
    quote.map_or(Open::Nothing, Open::Quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompts(script: &str) -> String {
        lines(script).map(|(prompt, _)| prompt).collect()
    }

    #[test]
    fn dos_ordenes_seguidas_llevan_cada_una_su_dolar() {
        assert_eq!(prompts("echo $$ > cgroup.procs\nunshare --pid sh"), "$$");
    }

    #[test]
    fn un_documento_se_teclea_con_angulos_hasta_su_ultima_linea() {
        assert_eq!(prompts("nft -f - <<'FIN'\ntable ip x {\n}\nFIN\necho hecho"), "$>>>$");
    }

    #[test]
    fn unas_comillas_abiertas_siguen_en_la_linea_siguiente() {
        assert_eq!(prompts("printf %s '# hosts\n127.0.0.1 \"x\n' > hosts\nchmod 0644 hosts"), "$>>$");
        assert_eq!(prompts("sh -c \"a\nb\"\nls"), "$>$");
    }

    #[test]
    fn una_comilla_escapada_o_dentro_de_otras_no_abre_nada() {
        assert_eq!(prompts("echo 'b c'\\''d'\nls"), "$$");
        assert_eq!(prompts("echo \"it's\"\nls"), "$$");
        assert_eq!(prompts("echo \\'\nls"), "$$");
    }

    #[test]
    fn una_barra_al_final_continua_la_orden() {
        assert_eq!(prompts("mount -t tmpfs \\\n  tmpfs /x\nls"), "$>$");
    }
}
