# La console de développement.

development-name = Console de développement
copied = Copié

# L’entrée.

entry-title = Pas de session
entry-how = Ouvrez cette console par l’adresse entière que le service a affichée : elle contient une clé.
entry-where = Elle est dans la première ligne de la sortie de serve --dev, ou de make serve. La clé change à chaque démarrage.

# La boîte de réception.

inbox-title = SMS
inbox-newest = Dernier code
inbox-no-code = Il n’y a pas encore de code. Il apparaît ici dès qu’une application en demande un.
inbox-copy = Copier le code
inbox-list = Tous les SMS, du plus récent au plus ancien
inbox-time = Heure
inbox-to = Numéro
inbox-purpose = But
inbox-text = Texte
inbox-kept = La console garde les { $count } derniers SMS. Aucun SMS n’est envoyé à un téléphone si la passerelle est le fichier outbox.
inbox-announcement = Nouveau SMS pour { $to } : { $text }
sms-purpose-enrollment = Code pour un enrôlement
sms-purpose-certification = Code pour un numéro de téléphone
sms-purpose-reset = Code pour un nouveau PIN
sms-purpose-new-device = Avis : un nouvel appareil
sms-purpose-pin-reset = Avis : le PIN a été réinitialisé
sms-purpose-pin-change = Avis : le PIN a été changé
sms-purpose-block = Avis : le compte est bloqué
sms-purpose-phone-number = Avis : un autre numéro de téléphone

# La passerelle.

gateway-heading = Passerelle SMS
gateway-explained = Faites refuser des messages par la passerelle, pour voir ce que fait alors votre application. Elle reçoit l’erreur 2204.
gateway-never = Accepte tous les messages
gateway-next = Refuse le prochain message
gateway-every = Refuse tous les messages
gateway-told-never = La passerelle accepte tous les messages.
gateway-told-next = La passerelle refuse le prochain message.
gateway-told-every = La passerelle refuse tous les messages.

# Les comptes.

accounts-title = Comptes
accounts-search = Nom, numéro de téléphone ou appareil
accounts-find = Chercher
accounts-none = Il n’y a pas encore de compte. Un compte commence à exister quand son jeton est présenté pour la première fois.
accounts-not-found = Aucun compte ne correspond.
accounts-name = Compte
accounts-number = Numéro de téléphone
accounts-devices = Appareils
accounts-state = État
accounts-blocked = bloqué
accounts-enrolled = enrôlé
accounts-not-enrolled = non enrôlé
accounts-more = Comptes suivants
dev-account-title = Compte { $name }
account-all = Tous les comptes
account-state = État
account-no-number = aucun
dev-account-pin = PIN
account-has-pin = défini
account-no-pin = non défini
dev-account-wrong-pins = PIN faux d’affilée
account-blocked-until = Bloqué jusqu’à
account-client-states = Ce sont les états du service. Chaque appareil a les siens : NotActivated, ActivationStarted, Activated, Blocked, Disabled et Upgradable. docs/state-machine.md contient cette table.
account-unblock = Débloquer, et oublier les essais faux
unblock-lifted = Le compte n’est plus bloqué.
unblock-not-blocked = Le compte n’était pas bloqué. Rien n’a été modifié.
unblock-tries-forgiven = Le compte n’était pas bloqué. Ses essais faux sont oubliés.
unblock-budget-spent = Le compte reste bloqué : son PIN a connu trop de PIN faux. Seul un nouveau PIN lève ce blocage.

# Mots de passe.

verify-heading = Vérifier un mot de passe à usage unique
verify-explained = Le service le vérifie comme pour une partie utilisatrice. Un mot de passe juste est consommé.
verify-password = Mot de passe à usage unique
verify-button = Vérifier
verify-accepted = Accepté. Le mot de passe était juste, et il est maintenant consommé.
verify-refused = Refusé. Le mot de passe est faux, utilisé ou expiré, ou il est d’un autre compte, ou le compte est bloqué.

# Appareils.

devices-heading = Appareils
dev-devices-none = Le compte n’a pas d’appareil.
device-made = Activé
device-used = Dernière utilisation
device-serial = Numéro de série
device-remove = Retirer cet appareil
device-removed = L’appareil a été retiré. Il l’apprend à sa prochaine requête : erreur 2312.

# Les états.

picture-account = Machine à états du compte
picture-device = Machine à états de l’appareil
picture-in-words = Les états en mots
picture-here = (état présent)
picture-state-no-account = Aucun compte
picture-state-no-account-meaning = Aucune requête avec son jeton n’est encore venue, et aucune commande ne l’a ajouté.
picture-state-no-number = Sans numéro
picture-state-no-number-meaning = Le compte existe. Il n’a pas de numéro de confiance, donc il ne reçoit pas de code pour un enrôlement.
picture-state-number = Numéro connu
picture-state-number-meaning = Le compte a un numéro de confiance et pas d’appareil. Ensuite : un code pour un enrôlement.
picture-state-code = Code envoyé
picture-state-code-meaning = Un code pour un enrôlement ou un numéro attend d’être utilisé. Ensuite : l’enrôlement avec ce code et un PIN.
picture-state-enrolled = Enrôlé
picture-state-enrolled-meaning = Le compte a un appareil.
picture-state-blocked-for-a-time = Bloqué pour un temps
picture-state-blocked-for-a-time-meaning = Trop de PIN faux. Le blocage finit de lui-même ; il y a ensuite un essai.
picture-state-blocked = Bloqué jusqu’au nouveau PIN
picture-state-blocked-meaning = Trop de PIN faux, ou un appareil rejeté. Un nouveau PIN par SMS met fin au blocage, ou un opérateur.
picture-state-budget = Budget du PIN épuisé
picture-state-budget-meaning = Ce PIN a connu tous les PIN faux permis. Seul un nouveau PIN met fin au blocage.
picture-state-waiting = Attend l’approbation
picture-state-waiting-meaning = Un autre appareil du compte doit confirmer ou approuver celui-ci. D’ici là, il ne fait rien.
picture-state-active = Actif
picture-state-active-meaning = L’appareil fait des mots de passe, sauf si le compte est bloqué.
picture-state-suspected = Copie soupçonnée
picture-state-suspected-meaning = Le service a vu des signes d’une seconde copie de l’appareil. Un nouveau PIN par SMS lève le soupçon.
picture-state-suspended = Suspendu
picture-state-suspended-meaning = Une seconde copie est soupçonnée, et la politique n’accepte aucune preuve de l’appareil avant un nouveau PIN.
picture-state-removed = Retiré
picture-state-removed-meaning = L’appareil n’est plus dans la liste. Ses requêtes reçoivent NOK:NODEVICE, erreur 2312.

# L’horloge.

clock-heading = Horloge du service
clock-ahead = Elle avance sur le présent :
clock-present = Elle montre le présent.
clock-explained = Avancez-la pour voir des codes expirer et des blocages finir. Elle compte pour tout le service, sauf les limites de requêtes par minute et les certificats. L’horloge de chaque appareil et application ne bouge pas. Les valeurs du temps avancé restent dans la base quand vous remettez l’horloge.
clock-amount = Quantité
clock-unit = Unité
clock-seconds = secondes
clock-minutes = minutes
clock-hours = heures
clock-days = jours
clock-move = Avancer
clock-reset = Revenir au présent
clock-told-moved = L’horloge a été avancée.
clock-told-reset = L’horloge montre de nouveau le présent.

# Erreurs.

errors-title = Erreurs
errors-explained = Chaque code de la référence, et comment votre application le reçoit. Un bouton fait échouer ainsi, une fois, la prochaine requête qui convient. Certains codes viennent de la bibliothèque seule : le texte dit comment.
errors-armed = Fautes qui attendent une requête
errors-none-armed = Aucune : le service répond normalement.
errors-cancel = Annuler
errors-code = Code
errors-meaning = Sens
errors-cause = Comment elle survient
errors-mode = Mode
errors-any-mode = tout mode
errors-arm = La prochaine requête échoue ainsi
fault-any-request = toute requête
fault-word = { $target } : réponse { $word }
fault-unavailable = { $target } : HTTP 503, le service a échoué
fault-limited = { $target } : HTTP 429, trop de requêtes
fault-page = { $target } : une page HTML, comme celle du réseau d’un hôtel
fault-silence = { $target } : pas de réponse jusqu’à l’abandon du client
fault-close = { $target } : la connexion finit sans réponse
fault-armed = La prochaine requête qui convient échouera ainsi.
fault-cancelled = La faute a été annulée.
fault-gone = La faute s’était déjà produite, ou était annulée.
code-2000-meaning = Le service a envoyé un mot d’erreur que la bibliothèque ne connaît pas.
code-2000-cause = Un service plus récent a de nouveaux mots.
code-2001-meaning = La bibliothèque n’est pas initialisée.
code-2001-cause = Appelez une fonction avant pims_init, ou après pims_free.
code-2002-meaning = Cette api ou méthode n’existe pas, ou le service ne l’offre pas.
code-2002-cause = Appelez get pims.no.such.api avec {"{"}{"}"}.
code-2003-meaning = L’appel a besoin du service embarqué.
code-2003-cause = Appelez pims.authority.otp avec la configuration pour ce service.
code-2004-meaning = La configuration n’est pas valide.
code-2004-cause = Donnez {"{"}"storage":1{"}"} à pims_init.
code-2005-meaning = L’abonnement existe déjà.
code-2005-cause = Abonnez-vous deux fois à pims.authentication.account.
code-2006-meaning = Le stockage de la bibliothèque est inutilisable.
code-2006-cause = Déplacez le dossier storage.path pendant que la bibliothèque tourne.
code-2007-meaning = La bibliothèque est déjà initialisée.
code-2007-cause = Appelez pims_init deux fois.
code-2101-meaning = Il manque un paramètre obligatoire.
code-2101-cause = Appelez get pims.authentication.otp avec {"{"}"action":"withPIN"{"}"}.
code-2102-meaning = Un paramètre n’est pas valide, ou le service le refuse.
code-2102-cause = Appelez une opération avec true comme pinCode, ou choisissez un PIN ou un numéro que le service refuse.
code-2201-meaning = Aucune réponse n’est venue à temps.
code-2201-cause = Le service se tait plus longtemps que network.requestTimeoutMs.
code-2202-meaning = Il n’y a pas de connexion au service, ou elle s’est rompue.
code-2202-cause = Arrêtez le service, ou coupez le réseau.
code-2203-meaning = La réponse n’est pas du service.
code-2203-cause = Une page d’un autre serveur vient à sa place.
code-2204-meaning = Le service ne peut pas répondre maintenant, ou limite les requêtes.
code-2204-cause = Le service échoue, trop de codes ont été demandés, ou la passerelle SMS refuse le message.
code-2208-meaning = La clé du serveur n’est aucune de celles épinglées.
code-2208-cause = Configurez credential.pinnedCertificates avec le hachage d’une autre clé.
code-2301-meaning = Le jeton d’accès du compte manque, ou a été refusé.
code-2301-cause = Appelez une opération sans account.accessToken.
code-2302-meaning = La référence a ce code, mais aucune opération ne le retourne.
code-2302-cause = Elle ne survient pas.
code-2305-meaning = Le code SMS est faux, utilisé ou expiré.
code-2305-cause = Enrôlez avec un autre code que celui du SMS.
code-2306-meaning = La référence a ce code, mais un code expiré reçoit 2305.
code-2306-cause = Elle ne survient pas. Pour voir un code expiré, avancez l’horloge.
code-2307-meaning = Le compte n’a pas de numéro de confiance.
code-2307-cause = Demandez un code pour un enrôlement pour un nouveau compte.
code-2308-meaning = La preuve de l’appareil ou du PIN est fausse.
code-2308-cause = Appelez withPIN avec un PIN faux.
code-2309-meaning = Le service n’accepte pas cette version du client.
code-2309-cause = Ce service accepte toutes les versions ; un autre peut refuser.
code-2310-meaning = Le compte est bloqué, ou il a son nombre maximal d’appareils.
code-2310-cause = Entrez cinq PIN faux.
code-2311-meaning = Le service attend une autre étape de cet appareil.
code-2311-cause = Deux programmes utilisent le même appareil, ou l’appareil attend son approbation.
code-2312-meaning = Le service ne connaît pas l’appareil.
code-2312-cause = Retirez l’appareil sur la page de son compte.
code-2313-meaning = Un autre outil doit d’abord être activé.
code-2313-cause = Ce service ne le demande pas ; un autre peut le faire.
code-2314-meaning = Le compte n’a pas de service.
code-2314-cause = Ce service ne le dit pas ; un autre peut le faire.
code-2315-meaning = Le nouveau PIN est égal au précédent.
code-2315-cause = Réinitialisez le PIN au PIN présent.
code-2316-meaning = C’est fait, mais l’appareil n’a pas pu se synchroniser.
code-2316-cause = Changez le PIN, et coupez la connexion dans la synchronisation qui suit.
code-2317-meaning = L’opération n’est pas permise dans l’état de l’appareil.
code-2317-cause = Faites un mot de passe sur un appareil non enrôlé.
code-2344-meaning = Aucun service n’est configuré dans la bibliothèque.
code-2344-cause = Donnez à pims_init une configuration Production sans credential.
code-2350-meaning = La référence a ce code, mais aucune méthode n’est obsolète.
code-2350-cause = Elle ne survient pas.
code-2390-meaning = Le compte a déjà un numéro de confiance.
code-2390-cause = Ajoutez un numéro à un compte qui en a un.

# Échanges.

exchanges-title = Échanges
exchanges-warning = Ces pages montrent des secrets : jetons, codes, PIN chiffrés et clés. Ils sont gardés en mémoire seulement, jusqu’à la fin du service.
exchanges-none = Aucune requête n’est encore venue au service.
exchanges-number = Numéro
exchanges-request = Requête
exchanges-operation = Mode et étape
exchanges-status = Statut
exchanges-duration = Durée
exchange-title = Échange { $number }
exchange-all = Tous les échanges
exchange-warning = Cette page montre des secrets. Ne la partagez pas.
exchange-no-answer = pas de réponse
exchange-fault = Une faute de cette console a répondu : code { $code }
exchange-millis = { $count } ms
exchange-cut = L’échange dépasse { $kib } Kio : le reste n’a pas été gardé.
exchange-query = Paramètres de la requête
exchange-headers = En-têtes de la requête
exchange-body = Corps de la requête
exchange-answer-headers = En-têtes de la réponse
exchange-answer = Réponse
exchange-name = Nom
exchange-value = Valeur
exchange-explanation = Explication
exchange-unexplained = Le protocole ne décrit pas ce nom.
exchange-raw-body = Corps de la requête, tel quel
exchange-raw-answer = Corps de la réponse, tel quel

# Les valeurs des requêtes et des réponses.

field-action = L’étape : ActionSetup demande un défi ou des clés, ActionFinalize envoie les preuves.
field-mode = L’opération.
field-id = L’identifiant de l’appareil. Il est vide avant une activation.
field-lastsync = Le numéro de la dernière synchronisation que l’appareil connaît.
field-version = La version du client.
field-macid = L’identifiant de l’application cliente : credential.macID.
field-lang = La langue du client.
field-ack = Un accusé de réception, que les clients publics envoient vide.
field-code = Le code SMS, ou le code d’un autre appareil. Il sert une fois.
field-ticket = Le ticket du code SMS. Il dit de qui est le code sans le jeton du compte.
field-phone = Un numéro de téléphone.
field-serial = Le numéro de série que l’appareil s’est donné. Les deux côtés le hachent.
field-kma = Une clé de l’appareil, chiffrée pour la clé Kiw du service. Le service en dérive de nouvelles clés.
field-pin = Le PIN, chiffré pour la clé Kiw du service.
field-newpin = Le nouveau PIN, chiffré pour la clé Kiw du service.
field-name = Le nom d’un appareil.
field-keystore = Où l’appareil garde sa clé de stockage : hardware ou software. Personne ne le prouve.
field-r0 = La preuve de K0, la clé de l’appareil.
field-r1 = La preuve de K1, la clé qui change à l’usage.
field-r2 = La preuve du PIN.
field-keytype = La sorte de mot de passe : 0 avec le PIN, 2 sans.
field-sid = L’identifiant du service pour lequel est le mot de passe.
field-ms-id = L’identifiant du secret de service.
field-ms-val = Le secret de service que l’appareil a fait, chiffré pour ms_key. Les mots de passe en sont faits.
field-ms-n = Le nombre de secrets de service.
field-device = L’identifiant d’un appareil, ou ses premiers caractères.
field-number = Les deux chiffres que montre le nouvel appareil.
field-reject = 1 : l’appareil rejette le nouveau, ce qui bloque le compte.
field-confirm = 1 : l’appareil confirme le nouveau. 0 : il ne le fait pas.
field-fingerprint = L’empreinte du nouvel appareil : huit chiffres que montrent les deux appareils.
field-after = Le numéro du dernier avis que l’appareil connaît.
field-err = Le résultat : OK, ou un mot d’erreur.
field-challenge = Un défi aléatoire. Les preuves de l’étape suivante portent sur lui.
field-kiw = La clé du service pour les PIN, scellée par la clé d’usine.
field-kfact = La clé d’usine, que l’appareil garde depuis sa première activation.
field-pinmode = Si le compte a un PIN, ou si l’activation en définit un.
field-lifetime = Pendant combien de secondes le code, ou l’appareil qui attend, reste valable.
field-k0 = La clé K0 de l’appareil, chiffrée pour cet appareil.
field-k1 = La clé K1, chiffrée pour cet appareil.
field-tsync = Le numéro de cette synchronisation.
field-s-n = Le nombre de services.
field-s-id = L’identifiant du service.
field-s-name = Le nom du service.
field-ms-key = La clé du service pour les secrets de service, scellée par la clé d’usine.
field-defi = La valeur dont l’appareil fait le mot de passe, avec son secret de service et K1.
field-dk1 = Le changement de K1 : l’appareil en calcule sa prochaine K1.
field-j = 1 : l’appareil refait l’opération une fois.
field-confirmed = 0 : l’appareil attend sa confirmation par un autre appareil.
field-approval = 1 : la confirmation est une approbation par un nombre de deux chiffres.
field-state = L’état du code ou de l’appareil qui attend.
field-enrollment-code = Le code avec lequel un autre appareil s’enrôle.
field-self = 1 : c’est l’appareil qui demande.
field-since = L’activation de l’appareil, en millisecondes depuis 1970.
field-used = La dernière utilisation de l’appareil, en millisecondes depuis 1970.
field-notice-number = Le numéro de l’avis dans le compte.
field-event = L’événement de l’avis.
field-at = L’heure de l’événement, en millisecondes depuis 1970.
field-more = 1 : il y a d’autres avis.
field-attempts-left = Combien de fois le PIN ou le code peut encore être essayé.
field-wrong-pins = Les PIN faux du compte depuis que cet appareil a prouvé le bon.
field-last-used = L’heure de cette preuve, en millisecondes depuis 1970.
field-reason = La raison du refus, si le mot seul ne la dit pas.
field-retry-after = Les secondes jusqu’à ce que la même requête puisse être accordée.
field-blocked-until = La fin du blocage, en millisecondes depuis 1970.
field-client-id = L’identifiant de l’application : credential.clientId. Ce service ne le lit pas.
field-fs-action = authenticate : une partie utilisatrice fait vérifier un mot de passe.
field-service-id = La partie utilisatrice.
field-user-id = Le compte du mot de passe.
field-otp = Le mot de passe à usage unique. Il sert une fois.
field-format = La forme de la réponse : json.
field-type = Le but du code SMS.
field-detail = Ce qui ne va pas dans la requête, en anglais.
field-customer = Le compte, comme l’appellent certains clients publics.
field-grant-type = Ce qui est échangé : un mot de passe, ou un jeton de rafraîchissement.
field-refresh-token = Le jeton qui est échangé contre les jetons suivants. Il sert une fois.
field-access-token = Le jeton signé pour d’autres services.
field-token-type = Comment le jeton est présenté : Bearer.
field-expires-in = La durée de vie du jeton d’accès en secondes.
field-oauth-error = L’erreur dans les mots d’OAuth 2.0.
field-jwk = Une partie d’une clé publique (JSON Web Key).
field-authorization = Le jeton d’accès du compte, après le mot Bearer.
field-accept = Les formes de réponses que le client lit.
field-accept-language = Les langues que l’utilisateur préfère. Le SMS est écrit dans la première qui a des textes.
field-content-type = La forme du corps.
field-user-agent = Le programme qui a envoyé la requête.
field-realm = Le domaine de l’API publique : clients, mode et marque. Ce service ne le lit pas.
field-www-authenticate = Ce que le client doit présenter : un jeton.

# Les étapes suivantes.

next-title = Étapes suivantes
next-configuration = 1. Donnez cette configuration à libpims
next-token = Le jeton du compte est account.accessToken. Il est dans ce fichier :
next-demo = 2. Ou lancez la démo, dans le dossier de libpims
next-commands = 3. Interrogez le service : les comptes, le dernier SMS, la piste d’audit
next-copy = Copier
