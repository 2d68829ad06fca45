"""What must not be seen: values of a workspace that are kept encrypted.

The store keeps rows of ciphertext and cannot read them; the vault has the key and keeps nothing.
"""

from ades.secrets.vault import Rows, Vault

__all__ = ["Rows", "Vault"]
