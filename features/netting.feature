Feature: A custodian settles what each account owes net

  Trades at 1 BTC a lot settle on the next business day, at the cut-off. Nobody pays a fee.

  Background:
    Given ann has 10 USD, and 0 BTC
    And bob has 0 USD, and 4 BTC
    And cat has 5 USD, and 0 BTC

  Scenario: A chain of trades settles together, though not each of its links could alone
    Given cat bought 4 BTC from ann at 3
    And ann bought 4 BTC from bob at 2
    And bob bought 2 BTC from cat at 4
    When the cut-off has come
    Then netting set 1 settles the trades 1, 2 and 3
    And ann gets 4 USD net
    And bob has 0 USD and 2 BTC in custody
    And cat has 1 USD and 2 BTC in custody

  Scenario: Who cannot pay leaves the newest out, and it fails
    Given ann bought 4 BTC from bob at 2
    And ann bought 4 BTC from bob at 1
    When the cut-off has come
    Then netting set 1 settles the trade 1
    And trade 2 fails, and is tried again a business day later

  Scenario: What was left out settles in part where the world allows that
    Given parts may settle
    And ann bought 3 BTC from bob at 2
    And ann bought 3 BTC from bob at 2
    When the cut-off has come
    Then netting set 1 settles the trade 1
    And ann has 2 USD and 4 BTC in custody

  Scenario: What a custodian crashes over is settled once
    Given ann bought 4 BTC from bob at 2
    When the custodian is put back to the state that it had, and the cut-off has come
    Then netting set 1 settles the trade 1
    And ann has 2 USD and 4 BTC in custody
