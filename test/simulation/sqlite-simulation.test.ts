import { findsPlantedBugs, simulationContract } from './simulation.contract.js'
import { sqlite } from './sqlite-adapter.js'

simulationContract(sqlite)
findsPlantedBugs(sqlite)
