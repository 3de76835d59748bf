Feature: Risk rules are plug-ins, and one that fails ends alone

  A limits file names a rule, wherever it came from. Whatever is wrong with it is told with its name; the monitor and its
  other rules go on.

  Scenario Outline: A rule that <does>
    Given the scenario "market-short"
    And a rule of the firm's own that <does> at its hundredth quote
    When it is run
    Then the monitor says once that its rule failed: <what>
    And no alert fired
    And exchange and custody agree at the end

    Examples:
      | does                      | what                                             |
      | raises                    | ZeroDivisionError                                |
      | answers with nonsense     | TypeError                                        |
      | speaks of what it may not | a figure of ETH/USD, for which there is no limit |
      | speaks without end        | more than 1000 figures at once                   |

  Scenario: The others judge on when one has failed
    Given the scenario "usdt-cliff-9m"
    And a rule of the firm's own that raises at its hundredth quote
    And its recovery is set to {within: 2m, hold: [ledger_balanced]}
    When it is run
    Then the monitor says once that its rule failed: ZeroDivisionError
    And the critical alert peg_deviation on USDT fired within its deadline

  Scenario: An alert that comes too soon breaks the steady state, whoever's rule it is
    Given the scenario "market-short"
    And a rule of the firm's own that speaks up at its hundredth quote
    When it is run
    Then the verdict is INVALID
    And the reason says: steady state: no alerts: quote_count:BTC/USD:critical:1

  Scenario: A scenario that names a rule which the firm does not have
    Given the scenario "usdt-cliff-9m"
    And "alert: quote_count" stands where "alert: venue_down" stood
    When tse run is typed
    Then it ends with code 2
    And the one line says: alert: the limits of this world have no rule 'quote_count'; known: concentration, delta_exposure
    And nothing is kept

  Scenario: A rule that is not installed
    Given the scenario "market-short"
    And a rule of the firm's own at "nowhere:RULE"
    When tse run is typed
    Then it ends with code 2
    And the one line says: nowhere:RULE: the rule nowhere:RULE cannot be loaded: ModuleNotFoundError: No module named 'nowhere'
    And nothing is kept
