#if canImport(Security)
    import Foundation
    import Security

    /// The key of the storage in the Keychain: 32 random bytes, which the first call makes. The key
    /// moves to no other device, also not by a backup. It can be read after the first unlock since
    /// the device's start, also in the background.
    ///
    ///     let key = try KeychainStore().storageKey()
    ///     try await pims.initialize(
    ///       configuration: ["storage": ["path": .string(path), "key": .string(key)]])
    public struct KeychainStore: Sendable {
        /// An error: a function of the Keychain failed, with its status
        /// (`SecCopyErrorMessageString` has a text for it).
        public struct Failure: LocalizedError, Hashable, Sendable {
            public let status: Int32
            public var errorDescription: String? { "The Keychain failed with \(status)." }
        }

        private let service: String
        private let account: String
        private let accessGroup: String?

        /// Sets the names that the item has in the Keychain. An access group shares the item among
        /// the apps of a team.
        public init(service: String = "libpims", account: String = "storage.key", accessGroup: String? = nil) {
            self.service = service
            self.account = account
            self.accessGroup = accessGroup
        }

        /// Returns the key in base64, as `storage.key` takes it. Throws `Failure`. Until the first
        /// unlock after a start of the device, the Keychain can read nothing, and this function
        /// makes no other key.
        public func storageKey() throws -> String {
            if let key = try find() { return try written(key) }
            var key = Data(count: KeychainStore.size)
            defer { key.resetBytes(in: 0..<key.count) }
            let status = key.withUnsafeMutableBytes { bytes in
                bytes.baseAddress.map { SecRandomCopyBytes(kSecRandomDefault, bytes.count, $0) } ?? errSecAllocate
            }
            guard status == errSecSuccess else { throw Failure(status: status) }
            var item = query
            item[kSecValueData as String] = key
            item[kSecAttrAccessible as String] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
            let added = SecItemAdd(item as CFDictionary, nil)
            // Another process of the access group stored a key first: that key counts.
            if added == errSecDuplicateItem, let key = try find() { return try written(key) }
            guard added == errSecSuccess else { throw Failure(status: added) }
            return try written(key)
        }

        /// Removes the key. Data that it sealed cannot be opened any more: the user must enroll the
        /// device again.
        public func remove() throws {
            let status = SecItemDelete(query as CFDictionary)
            guard status == errSecSuccess || status == errSecItemNotFound else { throw Failure(status: status) }
        }

        private static let size = 32

        private var query: [String: Any] {
            var query: [String: Any] = [
                kSecClass as String: kSecClassGenericPassword,
                kSecAttrService as String: service,
                kSecAttrAccount as String: account,
                kSecAttrSynchronizable as String: false,
            ]
            if let accessGroup { query[kSecAttrAccessGroup as String] = accessGroup }
            #if os(macOS)
                // The Keychain with accessibility attributes, as on iOS.
                if #available(macOS 10.15, *) { query[kSecUseDataProtectionKeychain as String] = true }
            #endif
            return query
        }

        private func find() throws -> Data? {
            var query = self.query
            query[kSecReturnData as String] = true
            query[kSecMatchLimit as String] = kSecMatchLimitOne
            var found: CFTypeRef?
            let status = SecItemCopyMatching(query as CFDictionary, &found)
            if status == errSecItemNotFound { return nil }
            guard status == errSecSuccess else { throw Failure(status: status) }
            return found as? Data
        }

        private func written(_ key: Data) throws -> String {
            guard key.count == KeychainStore.size else { throw Failure(status: errSecDecode) }
            return key.base64EncodedString()
        }
    }
#endif
