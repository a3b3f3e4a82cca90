"""What is armed where: places, their stand-ins, and the ledger of an injection."""
