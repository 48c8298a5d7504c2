# La console des opérateurs.

operators-name = Console des opérateurs
operators-search = Recherche
operators-proposals = Propositions
operators-trail = Journal d’audit
operators-health = État

# La connexion.

sign-in-title = Se connecter
sign-in-token = Votre jeton
sign-in-button = Se connecter
sign-in-wrong = Aucun opérateur n’a ce jeton avec cette connexion. Personne n’est connecté.
sign-in-certificate-help = Votre navigateur présente un certificat. S’il suffit à votre opérateur, connectez-vous avec lui seul.
sign-in-certificate = Se connecter avec le certificat
sign-in-no-certificate = Les opérateurs de ce service ont besoin d’un certificat, et votre navigateur n’en présente aucun.
sign-in-audited = Le journal d’audit enregistre chaque connexion et chaque déconnexion.

# Les mots des cellules.

none = aucun
unknown = inconnu
yes = oui
no = non

# Les en-têtes des tableaux.

head-account = Compte
head-action = Action
head-actor = Acteur
head-by = Proposé par
head-changed = Fichier modifié
head-count = Nombre
head-decision = Décision
head-device = Appareil
head-devices = Appareils
head-ends = Fin
head-event = Événement
head-found = Trouvé par
head-key = Clé
head-keystore = Clé de stockage
head-left = Reste
head-listener = Écoute
head-made = Création
head-number = Numéro de téléphone
head-operator = Opérateur
head-reason = Motif
head-state = État
head-subject = Sujet
head-time = Heure
head-used = Dernier usage

# La recherche.

search-title = Chercher un compte
search-label = Nom, numéro de téléphone ou identifiant d’appareil
search-button = Chercher
search-help = Vous pouvez chercher par le nom d’un compte ou son début, par un numéro de téléphone de confiance avec son indicatif de pays, et par l’identifiant d’un appareil ou ses huit premiers caractères ou plus.
search-nothing = Rien n’a été trouvé.
search-results = Comptes trouvés
search-full = Il peut y avoir d’autres comptes. Seuls les 50 premiers sont affichés.
found-by-name = son nom
found-by-number = son numéro de téléphone
found-by-device = un appareil
found-by-prefix = le début de son nom

# Un compte.

account-title = Compte { $name }
account-unknown = Aucun compte n’a ce nom.
account-findings = Pourquoi l’utilisateur ne peut pas se connecter
account-no-obstacle = Rien n’empêche une connexion.
account-proposals = { $count ->
    [one] Une proposition pour ce compte attend un opérateur :
   *[other] { $count } propositions pour ce compte attendent un opérateur :
}
account-facts = Le compte
account-pin = A un code PIN
account-wrong-pins = Codes PIN faux, non pardonnés
account-wrong-pins-all = Codes PIN faux depuis que ce code PIN existe
state-blocked = bloqué
state-not-blocked = non bloqué

# Les appareils.

devices-title = Appareils
devices-caption = Les appareils du compte, le plus récent d’abord
devices-none = Le compte n’a aucun appareil.
device-works = fonctionne
device-waits-approval = attend une approbation
device-waits-confirmation = attend une confirmation
device-suspended = suspendu
device-suspected = une seconde copie est soupçonnée
keystore-hardware = puce de sécurité
keystore-software = logiciel
keystore-unknown = non indiqué

# Les actions.

reason-label = Motif
reason-rule = Un motif a de 3 à 200 caractères sur une ligne. Rien n’a été modifié.
unblock-title = Débloquer
unblock-help = Lève le blocage, et pardonne les codes PIN faux qui ne le sont pas encore. Le code PIN reste le même.
unblock-button = Débloquer
unblock-propose = Proposer de débloquer
remove-title = Retirer
remove-help = Un appareil retiré ne peut plus se connecter. L’utilisateur peut l’enrôler de nouveau avec un code SMS.
remove-button = Retirer l’appareil
remove-propose = Proposer de retirer
four-eyes-help = Un autre opérateur doit l’approuver.
done-unblocked = Le compte a été débloqué.
done-not-blocked = Le compte n’était pas bloqué. Rien n’a été modifié.
done-tries-forgiven = Le compte n’était pas bloqué. Les essais non prouvés de ses appareils ont été pardonnés.
done-budget-spent = Le compte reste bloqué : son budget de codes PIN faux est épuisé. Seul un nouveau code PIN par SMS met fin à ce blocage.
done-device-removed = L’appareil a été retiré.
done-device-gone = L’appareil avait déjà été retiré. Il n’y avait plus rien à faire.
done-proposed = La proposition a été faite. Un autre opérateur doit l’approuver dans la journée.
done-withdrawn = La proposition a été annulée.
done-rejected = La proposition a été rejetée.
too-many-proposals = Le compte a 20 propositions ouvertes, ou vous en avez fait 100. Attendez qu’elles soient décidées, ou retirez-en.
no-such-device = Le compte n’a pas cet appareil. Rien n’a été modifié.

# Les propositions.

proposals-title = Propositions
proposals-help = Débloquer un compte ou retirer un appareil demande deux opérateurs : l’un propose, un autre approuve.
proposals-off = La configuration ne demande pas de second opérateur. Les propositions encore ouvertes peuvent être décidées ici.
proposals-none = Aucune proposition n’est ouverte.
proposals-caption = Propositions ouvertes, la plus ancienne d’abord
action-unblock = Débloquer le compte
action-remove-device = Retirer un appareil
proposal-approve = Approuver
proposal-reject = Rejeter
proposal-withdraw = Annuler
proposal-no-role = Vous n’avez pas le rôle pour cette action.
proposal-ended = Cette proposition n’est plus ouverte. Rien n’a été modifié.
own-proposal = Vous avez fait cette proposition vous-même. Un autre opérateur doit l’approuver. Rien n’a été modifié.

# Les constats.

weight-obstacle = Obstacle :
weight-warning = Avertissement :
weight-note = Remarque :
code-for-enrollment = l’enrôlement d’un appareil
code-for-number = un numéro de téléphone
code-for-reset = un nouveau code PIN
cause-no-number = Le compte n’a pas de numéro de téléphone de confiance : il ne reçoit aucun code SMS.
remedy-no-number = L’utilisateur ajoute un numéro dans l’application. Un opérateur ne peut pas en ajouter.
cause-number-not-permitted = Aucun SMS ne peut partir vers le numéro du compte : le service n’autorise pas son pays, ou ce n’est pas un numéro de téléphone.
remedy-number-not-permitted = L’utilisateur change le numéro dans l’application. Les pays autorisés sont dans la configuration du service.
cause-number-cooling = Le numéro de téléphone a été changé. Il ne reçoit aucun code avant { $until }.
cause-new-account = Le compte est nouveau. Il ne peut ajouter aucun numéro de téléphone avant { $until }.
remedy-wait-protection = Attendre jusque-là. Cela protège contre un voleur du compte, et aucun opérateur ne peut raccourcir ce délai.
cause-no-device = Le compte n’a aucun appareil.
cause-no-pin = Le compte n’a pas de code PIN.
remedy-enroll = L’utilisateur enrôle un appareil avec un code SMS, et y choisit un code PIN.
cause-blocked = Le compte est bloqué : il y a eu trop de codes PIN faux, ou l’utilisateur a rejeté un nouvel appareil.
remedy-blocked = L’utilisateur réinitialise le code PIN avec un code SMS. Ou un opérateur avec le rôle unblock débloque le compte, si l’utilisateur connaît encore le code PIN.
cause-blocked-until = Le compte est bloqué jusqu’à { $until }, à cause de codes PIN faux.
remedy-blocked-until = Attendre jusque-là : l’utilisateur a ensuite un essai. Ou l’utilisateur réinitialise le code PIN avec un code SMS. Ou un opérateur avec le rôle unblock débloque le compte.
cause-budget-spent = Le compte est bloqué : ce code PIN a vu tous les codes faux que son budget permet.
remedy-budget-spent = Seul l’utilisateur peut agir : une réinitialisation du code PIN avec un code SMS. Un opérateur ne peut pas lever ce blocage.
cause-waits-approval = L’appareil { $device } attend son approbation. Si personne ne l’approuve, il est retiré : { $until }.
remedy-waits-approval = L’utilisateur l’approuve sur un autre appareil du compte, avec le nombre que le nouvel appareil affiche et le code PIN.
cause-waits-confirmation = L’appareil { $device } attend sa confirmation. Si personne ne le confirme, il est retiré : { $until }.
remedy-waits-confirmation = L’utilisateur le confirme sur l’appareil qui a créé son code.
cause-suspended = L’appareil { $device } est suspendu, parce que quelqu’un en a peut-être une seconde copie.
remedy-suspended = L’utilisateur réinitialise le code PIN avec un code SMS sur l’appareil qui reste. Cela exclut l’autre copie.
cause-second-copy = L’appareil { $device } a peut-être une seconde copie, ou a été restauré d’une sauvegarde. Le dernier signe : { $at }.
remedy-second-copy = Demander à l’utilisateur. Une réinitialisation du code PIN avec un code SMS, sur l’appareil qui reste, exclut l’autre copie.
cause-day-spent = L’appareil { $device } a créé tous les mots de passe à usage unique de ce jour. Le jour suivant commence : { $until }.
remedy-day-spent = Attendre jusque-là, ou utiliser un autre appareil du compte.
cause-too-many-devices = Le compte a autant d’appareils qu’il peut en avoir ({ $max }) : aucun autre ne peut être enrôlé.
remedy-too-many-devices = L’utilisateur retire un appareil dans l’application. Ou un opérateur avec le rôle remove en retire un.
cause-codes-spent = Le compte a demandé autant de codes SMS qu’il peut, ou a trop souvent essayé de faux codes. Il reçoit le prochain code : { $until }.
remedy-codes-spent = Attendre jusque-là. Un opérateur ne peut pas raccourcir ce délai.
cause-code-sent = Un code SMS pour { $purpose } a été créé : { $at }. Il expire : { $until }. { $left ->
    [one] Il reste un essai faux.
   *[other] Il reste { $left } essais faux.
}
remedy-code-sent = L’utilisateur saisit le code dans l’application. Lui seul le connaît.
cause-sms-waiting = Un SMS du compte attend la passerelle depuis { $since }. { $tries ->
    [one] Il y a eu un essai d’envoi.
   *[other] Il y a eu { $tries } essais d’envoi.
}
remedy-sms-waiting = Le service réessaie de lui-même. Si d’autres comptes attendent aussi, vérifier la passerelle SMS.
cause-pin-tries = { $tries ->
    [one] Il y a eu un code PIN faux
   *[other] Il y a eu { $tries } codes PIN faux
} qu’aucun code juste n’a pardonnés. { $left ->
    [one] Encore un, et le compte est bloqué.
   *[other] Encore { $left }, et le compte est bloqué.
}
remedy-pin-tries = L’utilisateur saisit le bon code PIN, ou le réinitialise avec un code SMS avant que le compte soit bloqué.
cause-unproved-tries = { $tries ->
    [one] Un appareil du compte a prouvé une clé plus ancienne, une fois.
   *[other] Des appareils du compte ont prouvé une clé plus ancienne, { $tries } fois.
}
remedy-unproved-tries = Un mot de passe avec le bon code PIN pardonne cela. Ou un opérateur avec le rôle unblock le fait.
cause-refusals = { $count ->
    [one] Un refus du dernier jour
   *[other] { $count } refus du dernier jour
} : { $event } Le dernier : { $last }.
cause-refusals-device = { $count ->
    [one] Un refus du dernier jour
   *[other] { $count } refus du dernier jour
} pour l’appareil { $device } : { $event } Le dernier : { $last }.
remedy-refusals = Le journal d’audit ci-dessous a les détails.
cause-passwords-forbidden = La politique du service n’autorise aucun mot de passe à usage unique, ou aucun sans le code PIN.
remedy-passwords-forbidden = L’utilisateur saisit le code PIN. La politique elle-même est dans la configuration du service.

# Le journal d’audit.

trail-title = Journal d’audit
trail-caption = Événements, le plus récent d’abord
trail-empty = Il n’y a aucun événement.
trail-older = Événements plus anciens
event-account-created = Le compte a été créé.
event-account-removed = Le compte a été supprimé.
event-account-blocked = Le compte a été bloqué.
event-account-blocked_for_a_time = Le blocage prend fin de lui-même.
event-account-unblocked = Le compte a été débloqué.
event-code-sent = Un code SMS a été créé et envoyé.
event-code-withdrawn = Un code SMS a été retiré, parce que son SMS n’a pas pu être envoyé.
event-code-limited = Un code a été refusé : le compte en avait demandé autant qu’il peut.
event-code-refused = Un code faux, utilisé ou expiré a été refusé.
event-code-accepted = Un code a été accepté.
event-device-activated = Un appareil a été activé.
event-device-code-made = Un appareil a créé un code pour un autre appareil.
event-device-confirmed = Un appareil a été confirmé par un autre.
event-device-approved = Un nouvel appareil a été approuvé.
event-device-rejected = Un nouvel appareil a été rejeté.
event-device-not_confirmed = Un appareil a été retiré, parce que personne ne l’a confirmé à temps.
event-device-redelivered = La réponse à une activation a été renvoyée.
event-device-replaced = Un appareil a pris la place d’un précédent.
event-device-removed = Un appareil a été retiré.
event-device-renamed = Un appareil a reçu un autre nom.
event-device-refused = Une requête d’un appareil a été refusée.
event-device-synchronized = Un appareil a été synchronisé : il a de nouvelles clés.
event-device-clone_suspected = Une seconde copie d’un appareil est soupçonnée.
event-device-suspended = Un appareil a été suspendu.
event-device-resumed = Un appareil suspendu fonctionne de nouveau.
event-device-k0-renewed = Un appareil a reçu une autre clé K0.
event-device-desynchronized = Un appareil n’est plus en phase avec le service.
event-device-k1-evolving = La prochaine clé K1 d’un appareil a été annoncée.
event-device-k1-evolved = Un appareil a sa prochaine clé K1.
event-device-k1-not_evolving = Un appareil garde sa clé K1 : il ne connaît pas la suivante.
event-device-secret-stored = Un appareil a enregistré son secret de service.
event-pin-set = Un code PIN a été défini.
event-pin-changed = Le code PIN a été changé.
event-pin-reset = Le code PIN a été réinitialisé.
event-pin-refused = Un code PIN faux a été refusé.
event-pin-forgiven = Un bon code PIN en a pardonné des faux.
event-pin-budget_half_spent = Le code PIN a vu la moitié des codes faux que son budget permet.
event-pin-budget_spent = Le code PIN a vu tous les codes faux que son budget permet.
event-password-granted = Un appareil a reçu ce qu’il faut pour un mot de passe à usage unique.
event-password-forbidden = Un mot de passe à usage unique a été refusé par la politique.
event-password-accepted = Un mot de passe à usage unique a été accepté.
event-password-refused = Un mot de passe à usage unique a été refusé.
event-phoneNumber-added = Un numéro de téléphone de confiance a été ajouté.
event-phoneNumber-modified = Le numéro de téléphone de confiance a été changé.
event-enrollments-removed = Tous les appareils du compte ont été retirés.
event-sms-limited = Un SMS n’a pas été envoyé : le budget de SMS est épuisé.
event-notice-queued = Un avis attend la passerelle.
event-notice-dropped = Un avis n’a pas été envoyé.
event-sms-dropped = Un SMS n’a pas été envoyé : la passerelle ne l’a pas accepté.
event-token-granted = Des jetons ont été accordés pour un mot de passe à usage unique.
event-token-rotated = Un jeton de renouvellement a été remplacé.
event-token-refused = Un jeton de renouvellement ou un mot de passe pour des jetons a été refusé.
event-token-reused = Un jeton de renouvellement a été utilisé deux fois : tous ses successeurs ont pris fin.
event-secret-made = Le service a créé un secret qui lui est propre.
event-keys-rotated = Des valeurs ont été scellées sous une autre clé maîtresse.
event-rows-authenticated = Des lignes d’une version précédente ont reçu des MAC.
event-row-altered = Une ligne de la base de données a été modifiée par un autre programme. Le service la refuse.
event-operator-refused = Une requête d’un opérateur a été refusée.
event-operator-signed_in = Un opérateur s’est connecté à la console.
event-operator-signed_out = Un opérateur s’est déconnecté de la console.
event-operator-proposed = Un opérateur a proposé une action.
event-operator-approved = Un opérateur a approuvé une proposition.
event-operator-rejected = Une proposition a été annulée ou rejetée.
actor-host = le programme hôte
actor-app = l’application avec le jeton du compte
actor-device = un appareil
actor-service = le service
actor-command = une commande sur la machine
actor-operator-named = l’opérateur { $name }
actor-party-named = la partie utilisatrice { $name }
actor-anybody-named = un client de la partie utilisatrice ouverte { $name }
actor-device-named = l’appareil { $name }

# L’état.

health-title = État
health-state = Cette instance en ce moment
health-ready = La base de données est prête.
health-not-ready = La base de données n’est pas prête.
health-trail-unchecked = Le journal d’audit n’a pas encore été vérifié : cela se fait chaque minute.
health-trail-intact = La partie la plus récente du journal d’audit est telle que le service l’a écrite.
health-trail-broken = Le journal d’audit a été modifié par un autre programme. Le journal du service a les détails ; check --connect lit tout le journal d’audit.
health-version = Version
health-sms = SMS en attente
health-steps = Étapes de base de données en cours
health-connections = Connexions ouvertes
health-database-used = Connexions à la base utilisées
health-database-idle = Connexions à la base inactives
health-retries = Étapes de base de données exécutées de nouveau
health-seal = Sceau le plus récent du journal d’audit
health-hour = La dernière heure
health-hour-help = Chaque instance compte ses propres requêtes, toutes les 10 secondes, depuis son démarrage.
chart-requests = Requêtes
chart-errors = Erreurs du service
chart-accepted = Mots de passe à usage unique acceptés
chart-refused = Mots de passe à usage unique refusés
chart-median = Durée de la moitié des étapes de base de données
chart-slowest = Durée de 99 étapes de base de données sur 100
chart-rate = maintenant { $last } par seconde, au plus { $most } par seconde
chart-millis = maintenant { $last } ms, au plus { $most } ms
chart-empty = encore aucune valeur
health-ages = Certificats, jetons et clés
certificates-title = Certificats des écoutes
certificates-none = Les écoutes n’ont pas de certificat.
certificate-left = { $count ->
    [one] { $count } jour
   *[other] { $count } jours
}
certificate-ended = expiré
certificate-urgent = À renouveler maintenant.
tokens-title = Jetons des opérateurs
keys-title = Clés et secrets dans la base de données
keys-unknown = L’âge des clés n’est pas connu maintenant : la base de données ne répond pas.
