//! Base64 (RFC 4648): como van los datos binarios dentro de un texto. No es un cifrado.

/// Los bytes que dice `text`, o qué tiene mal. Se admiten saltos de línea, como los de `base64`.
pub fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count, mut padding) = (0u32, 0, 0);
    for c in text.chars().filter(|c| !matches!(c, '\n' | '\r')) {
        if c == '=' {
            padding += 1;
            continue;
        }
        let Some(value) = value_of(c) else {
            return Err(match c {
                '-' | '_' => "usa el alfabeto de las URL: cambia `-` por `+` y `_` por `/`".to_string(),
                c if c.is_whitespace() => "lleva espacios".to_string(),
                _ => "lleva un carácter que no es de base64".to_string(),
            });
        };
        if padding > 0 {
            return Err("sigue después del `=` que lo acaba".to_string());
        }
        bits = bits << 6 | value;
        count += 1;
        if count % 4 == 0 {
            bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
            bits = 0;
        }
    }
    let missing = match count % 4 {
        0 => 0,
        2 => 2,
        3 => 1,
        _ => return Err("está cortado: sobra o falta un carácter".to_string()),
    };
    if padding != missing {
        return Err(format!("acaba con {padding} signos `=` y debería acabar con {missing}"));
    }
    match missing {
        2 => bytes.push((bits >> 4) as u8),
        1 => bytes.extend_from_slice(&((bits >> 2) as u16).to_be_bytes()),
        _ => {}
    }
    Ok(bytes)
}

fn value_of(c: char) -> Option<u32> {
    Some(match c {
        'A'..='Z' => c as u32 - 'A' as u32,
        'a'..='z' => c as u32 - 'a' as u32 + 26,
        '0'..='9' => c as u32 - '0' as u32 + 52,
        '+' => 62,
        '/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_se_lee_como_dice_su_norma() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
            ("Zm9v\nYmFy\n", "foobar"),
        ] {
            assert_eq!(decode(text).unwrap(), bytes.as_bytes(), "{text}");
        }
        assert_eq!(decode("/+8A").unwrap(), [0xff, 0xef, 0x00]);
    }

    #[test]
    fn lo_que_no_es_base64_dice_que_tiene() {
        for (text, fault) in [
            ("hola mundo", "espacios"),
            ("contraseña", "carácter"),
            ("Zg", "0 signos"),
            ("Zg=", "1 signos"),
            ("Zm9v=", "1 signos"),
            ("Z", "cortado"),
            ("Zg==Zg==", "sigue"),
            ("ab-_", "URL"),
        ] {
            let error = decode(text).unwrap_err();
            assert!(error.contains(fault), "{text}: {error}");
        }
    }
}
