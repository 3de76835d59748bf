Feature: Strategies are plug-ins, and one that fails ends alone

  A world names a strategy, wherever it came from. Whatever is wrong with it is told with its name, its orders are taken
  back, and everything else goes on.

  Scenario Outline: A strategy that <does>
    Given the scenario "market-short"
    And a desk beta whose strategy <does> at its hundredth quote
    When it is run
    Then beta says once that its strategy failed: <what>
    And all orders of beta are canceled, and it sends no more
    And alpha trades to the end
    And no alert fired
    And exchange and custody agree at the end

    Examples:
      | does                   | what                                                              |
      | raises                 | ZeroDivisionError                                                 |
      | answers with nonsense  | TypeError                                                         |
      | orders what it may not | an order in ETH/USD, which its configuration does not name        |
      | orders without end     | TypeError                                                         |
      | asks for every moment  | more than 1000 wakes in a row, each within a millisecond of the last |
      | never comes back       | it did not return within 5 s                                      |

  Scenario: A strategy that nobody offers
    Given the scenario "market-short"
    And a desk beta whose strategy is of the kind "market_taker"
    When tse run is typed
    Then it ends with code 2
    And the one line says: desks.1.strategies.0.kind: unknown kind of strategy 'market_taker'; did you mean 'market_maker'? known: arbitrage, basis, market_maker, mean_reversion, momentum
    And nothing is kept

  Scenario: A strategy that is not installed
    Given the scenario "market-short"
    And a desk beta whose strategy is of the kind "nowhere:PLUGIN"
    When tse run is typed
    Then it ends with code 2
    And the one line says: the strategy nowhere:PLUGIN cannot be loaded: ModuleNotFoundError: No module named 'nowhere'
    And nothing is kept

  Scenario: What a run brought is told from its trail
    Given the shipped scenario "slow-leak-strategy"
    When tse run is typed
    And tse performance is typed for what it kept
    Then the desk leak lost what its fills add up to, and never closed anything at a gain
    And the desk ignorant, which slept, brought nothing
    And what all desks are worth is what the monitor last reported, to within 5 basis points
    And the curves of every desk are drawn
