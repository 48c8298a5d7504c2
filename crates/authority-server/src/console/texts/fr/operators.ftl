# La console des opérateurs.
