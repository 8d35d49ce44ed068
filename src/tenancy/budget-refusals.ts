// Why the budget gave no connection, apart from what the server or its breaker said.

/** The wait ended without a connection. */
export class BudgetWaitExceeded extends Error {
  override name = 'BudgetWaitExceeded'
}

/** The database's account is being closed: whoever waits has to look the tenant up again. */
export class AccountDraining extends Error {
  override name = 'AccountDraining'
  constructor (account: string) {
    super(`${account} is being closed`)
  }
}
