//! De quién es el proceso: los nombres son los de la imagen, nunca los del anfitrión.

use crate::kernel::Op;
use std::path::Path;

/// El usuario con el que corre un contenedor.
#[derive(Debug, PartialEq)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
    pub home: String,
}

/// Lo que pide la especificación y lo que dice la imagen (`usuario[:grupo]`, con nombres o números).
pub struct Wanted<'a> {
    pub uid: Option<i64>,
    pub gid: Option<i64>,
    pub extra: &'a [i64],
    /// ¿También los que la imagen da al usuario en su `/etc/group`?
    pub merge: bool,
    pub image: &'a str,
}

/// El mayor identificador que admite Kubernetes. Nunca 4294967295: para el kernel es «no cambiar».
const MAX_ID: i64 = 2_147_483_647;

/// Una línea de `/etc/passwd`.
struct Account {
    name: String,
    uid: u32,
    gid: u32,
    home: String,
}

/// Busca usuario y grupos en la imagen que hay en `root`.
pub fn resolve(wanted: &Wanted, root: &Path) -> Result<User, String> {
    let accounts = accounts(&read_in(root, "etc/passwd"));
    let groups = read_in(root, "etc/group");
    let (image_user, image_group) = wanted.image.split_once(':').unwrap_or((wanted.image, ""));
    let account = match wanted.uid {
        Some(uid) => accounts.iter().find(|a| i64::from(a.uid) == uid),
        None => accounts.iter().find(|a| a.name == image_user || a.uid.to_string() == image_user),
    };
    let uid = match (wanted.uid, account) {
        (Some(uid), _) => id(uid)?,
        (None, Some(account)) => account.uid,
        (None, None) if image_user.is_empty() => 0,
        (None, None) => number(image_user)
            .ok_or(format!("la imagen pide el usuario `{image_user}`, que no está en su /etc/passwd"))?,
    };
    let image_gid = match image_group {
        "" => None,
        name => Some(
            group_id(&groups, name)
                .ok_or(format!("la imagen pide el grupo `{name}`, que no está en su /etc/group"))?,
        ),
    };
    let gid = match (wanted.gid, wanted.uid, image_gid, account) {
        (Some(gid), ..) => id(gid)?,
        (None, None, Some(gid), _) => gid,
        (None, None, None, Some(account)) => account.gid,
        // con runAsUser y sin runAsGroup, el grupo es 0, como en Kubernetes
        _ => 0,
    };
    let mut all: Vec<u32> = wanted.extra.iter().map(|g| id(*g)).collect::<Result<_, _>>()?;
    if let Some(account) = account.filter(|_| wanted.merge) {
        all.extend(member_of(&groups, &account.name));
    }
    crate::order::sort(&mut all);
    all.dedup();
    all.retain(|g| *g != gid);
    let home = account.map_or("/", |a| a.home.as_str());
    Ok(User {
        uid,
        gid,
        groups: all,
        home: if uid == 0 && account.is_none() { "/root".into() } else { home.into() },
    })
}

fn id(number: i64) -> Result<u32, String> {
    match u32::try_from(number) {
        Ok(id) if number <= MAX_ID => Ok(id),
        _ => Err(format!("{number} no es un identificador de usuario o grupo: van de 0 a {MAX_ID}")),
    }
}

/// Un número escrito sin nada más: ni signo, ni espacios, ni ceros delante.
fn number(text: &str) -> Option<u32> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(())?;
    id(number).ok()
}

fn accounts(text: &str) -> Vec<Account> {
    let one = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let home = fields.get(5).filter(|h| !h.is_empty()).unwrap_or(&"/");
        Some(Account {
            name: fields.first()?.to_string(),
            uid: number(fields.get(2)?)?,
            gid: number(fields.get(3)?)?,
            home: home.to_string(),
        })
    };
    text.lines().filter_map(one).collect()
}

fn group_id(groups: &str, name: &str) -> Option<u32> {
    let named = groups.lines().map(|l| l.split(':').collect::<Vec<_>>()).find(|f| f.first() == Some(&name));
    match named {
        Some(fields) => number(fields.get(2)?),
        None => number(name),
    }
}

/// Los grupos de los que `user` es miembro según `/etc/group`.
fn member_of(groups: &str, user: &str) -> Vec<u32> {
    let one = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        fields.get(3)?.split(',').any(|m| m.trim() == user).then_some(())?;
        number(fields.get(2)?)
    };
    groups.lines().filter_map(one).collect()
}

/// Lee un fichero de la imagen sin salir de ella, haya los enlaces que haya. Vacío si no está.
fn read_in(root: &Path, path: &str) -> String {
    const MAX: u64 = 1024 * 1024;
    let read = crate::kernel::ops::OpenDir(root.to_path_buf()).run().and_then(|place| place.read(path, MAX));
    // lo que no sea texto no es un /etc/passwd
    read.ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(test: &str) -> std::path::PathBuf {
        let root = std::env::temp_dir().join(format!("micropod-usuarios-{test}-{}", std::process::id()));
        std::fs::create_dir_all(root.join("etc")).unwrap();
        std::fs::write(
            root.join("etc/passwd"),
            "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/var/www:/bin/false\n",
        )
        .unwrap();
        std::fs::write(root.join("etc/group"), "web:x:34:\nextra:x:50:web,otro\nroot:x:0:\n").unwrap();
        root
    }

    fn ask(root: &Path, image: &str, uid: Option<i64>, gid: Option<i64>) -> Result<User, String> {
        resolve(&Wanted { uid, gid, extra: &[], merge: true, image }, root)
    }

    #[test]
    fn el_usuario_de_la_imagen_se_entiende_o_se_rechaza_y_nunca_es_otro() {
        let root = image("tabla");
        let ids = |user: &str| ask(&root, user, None, None).map(|u| (u.uid, u.gid));
        assert_eq!(ids(""), Ok((0, 0)));
        assert_eq!(ids("web"), Ok((33, 34)));
        assert_eq!(ids("33"), Ok((33, 34)));
        assert_eq!(ids("web:extra"), Ok((33, 50)));
        assert_eq!(ids("1000"), Ok((1000, 0)));
        assert_eq!(ids("1000:7"), Ok((1000, 7)));
        for bad in ["nadie", "01000", " 1000", "1000x", "-1", "4294967295", "web:nada", "web: 34"] {
            assert!(ids(bad).is_err(), "{bad}");
        }
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn lo_que_pide_la_especificacion_gana_a_la_imagen() {
        let root = image("gana");
        let user = ask(&root, "web", Some(1000), None).unwrap();
        assert_eq!((user.uid, user.gid, user.home.as_str()), (1000, 0, "/"));
        let user = ask(&root, "", Some(33), Some(5)).unwrap();
        assert_eq!((user.uid, user.gid, user.groups), (33, 5, vec![50]));
        assert!(ask(&root, "", Some(4294967295), None).is_err());
        let strict = Wanted { uid: Some(33), gid: None, extra: &[7], merge: false, image: "" };
        assert_eq!(resolve(&strict, &root).unwrap().groups, [7], "Strict: los de la imagen no cuentan");
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn un_passwd_que_es_un_enlace_no_saca_de_la_imagen() {
        let root = image("enlace");
        std::fs::remove_file(root.join("etc/passwd")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.join("etc/passwd")).unwrap();
        assert!(
            ask(&root, "root", None, None).is_err(),
            "el enlace se sigue dentro de la imagen: a sí mismo"
        );
        std::fs::remove_dir_all(root).unwrap();
    }
}
