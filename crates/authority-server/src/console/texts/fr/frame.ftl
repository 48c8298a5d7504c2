# Le cadre de chaque page.

layout-skip = Aller au contenu
layout-navigation = Pages
layout-language = Langue
layout-sign-out = Se déconnecter

# Erreurs.

error-title = Erreur { $status }
error-home = Retour à la première page
error-request = Le service ne peut pas lire cette requête. Rien n’a été modifié.
error-session = Votre session est terminée. Connectez-vous de nouveau.
error-forbidden = Vous n’avez pas le droit de faire cela. Rien n’a été modifié.
error-not-found = Cette page n’existe pas.
error-method = Cette page n’accepte pas la méthode de la requête. Rien n’a été modifié.
error-conflict = Un autre changement a été plus rapide. Rechargez la page.
error-type = Le formulaire n’a pas le type que cette page attend. Rien n’a été modifié.
error-limited = Trop de requêtes. Attendez un moment et réessayez.
error-service = Le service ne peut pas répondre maintenant. La cause est dans le journal.

# Durées.

time-now = à l’instant
time-seconds-ago = { $count ->
    [one] il y a { $count } seconde
   *[other] il y a { $count } secondes
}
time-in-seconds = { $count ->
    [one] dans { $count } seconde
   *[other] dans { $count } secondes
}
time-minutes-ago = { $count ->
    [one] il y a { $count } minute
   *[other] il y a { $count } minutes
}
time-in-minutes = { $count ->
    [one] dans { $count } minute
   *[other] dans { $count } minutes
}
time-hours-ago = { $count ->
    [one] il y a { $count } heure
   *[other] il y a { $count } heures
}
time-in-hours = { $count ->
    [one] dans { $count } heure
   *[other] dans { $count } heures
}
time-days-ago = { $count ->
    [one] il y a { $count } jour
   *[other] il y a { $count } jours
}
time-in-days = { $count ->
    [one] dans { $count } jour
   *[other] dans { $count } jours
}
