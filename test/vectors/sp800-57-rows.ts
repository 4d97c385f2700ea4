/** The clauses of SP 800-57 Part 1 Rev. 5 that owners compare products by, in their order: `reference title`. */
export const sp80057Rows = `
6 Protection Requirements for Key Information
6.1 Protection and Assurance Requirements
6.1.1 Summary of Protection and Assurance Requirements for Cryptographic Keys
6.1.2 Summary of Protection Requirements for Other Related Information
6.2 Protection Mechanisms
6.2.1 Protection Mechanisms for Key Information in Transit
6.2.1.1 Availability
6.2.1.2 Integrity
6.2.1.3 Confidentiality
6.2.1.4 Association with Usage or Application
6.2.1.5 Association with Other Entities
6.2.1.6 Association with Other Related Key Information
6.2.2 Protection Mechanisms for Key Information in Storage
6.2.2.1 Availability
6.2.2.2 Integrity
6.2.2.3 Confidentiality
6.2.2.4 Association with Usage or Application
6.2.2.5 Association with the Other Entities
6.2.2.6 Association with Other Related Key Information
6.2.3 Metadata for Keys
7 Key States and Transitions
7.1 Pre-activation State
7.2 Active State
7.3 Suspended State
7.4 Deactivated State
7.5 Compromised State
7.6 Destroyed State
8 Key-Management Phases and Functions
8.1 Pre-operational Phase
8.1.1 Entity Registration Function
8.1.2 System Initialization Function
8.1.3 Initialization Function
8.1.4 Keying-Material Installation Function
8.1.5 Key Establishment Function
8.1.5.1 Generation and Distribution of Asymmetric Key Pairs
8.1.5.1.1 Distribution of Public Keys
8.1.5.1.1.1 Distribution of a Trust Anchor's Public Key in a PKI
8.1.5.1.1.2 Submission to a Registration Authority or Certification Authority
8.1.5.1.1.3 General Distribution of Static Public Keys
8.1.5.1.2 Distribution of Ephemeral Public Keys
8.1.5.1.3 Distribution of Centrally Generated Key Pairs
8.1.5.2 Generation and Distribution of Symmetric Keys
8.1.5.2.1 Key Generation
8.1.5.2.2 Key Distribution
8.1.5.2.2.1 Manual Key Distribution
8.1.5.2.2.2 Automated Key Distribution/Key Transport/Key Wrapping
8.1.5.2.3 Key Agreement
8.1.5.3 Generation and Distribution of Other Keying Material
8.1.5.3.1 Domain Parameters
8.1.5.3.2 Initialization Vectors
8.1.5.3.3 Shared Secrets
8.1.5.3.4 RBG Seeds
8.1.5.3.5 Other Public and Secret Information
8.1.5.3.6 Intermediate Results
8.1.5.3.7 Random Bits/Numbers
8.1.5.3.8 Passwords
8.1.6 Key Registration Function
8.2 Operational Phase
8.2.1 Normal Operational Storage Function
8.2.1.1 Cryptographic Module Storage
8.2.1.2 Immediately Accessible Storage Media
8.2.2 Continuity of Operations Function
8.2.2.1 Backup Storage
8.2.2.2 Key Recovery Function
8.2.3 Key Change Function
8.2.3.1 Re-keying
8.2.3.2 Key Update Function
8.2.4 Key Derivation Methods
8.3 Post-Operational Phase
8.3.1 Key Archive and Key Recovery Functions
8.3.2 Entity De-registration Function
8.3.3 Key De-registration Function
8.3.4 Key Destruction Function
8.3.5 Key Revocation Function
8.4 Destroyed Phase
9 Additional Considerations
9.1 Access Control and Identity Authentication
9.2 Inventory Management
9.2.1 Key Inventories
9.2.2 Certificate Inventories
9.3 Accountability
9.4 Audit
9.5 Key-Management System Survivability
9.5.1 Backed Up and Archived Key
9.5.2 Key Recovery
9.5.3 System Redundancy/Contingency Planning
9.5.3.1 General Principles
9.5.3.2 Cryptography and Key-Management-Specific Recovery Issues
9.5.4 Compromise Recovery
`
  .trim()
  .split('\n');
