//! LA HISTORIA de un Pod, del lado del anfitrión.
