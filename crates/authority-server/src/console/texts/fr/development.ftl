# La console de développement.
