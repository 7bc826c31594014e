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

/// Los bytes, escritos en base64.
pub fn encode(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut three = [0; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for i in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * i)) as usize & 63] as char;
            text.push(if i <= chunk.len() { letter } else { '=' });
        }
    }
    text
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
            assert_eq!(encode(bytes.as_bytes()), text.replace('\n', ""));
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
